"""Every system: the same result padded or alone, masked images that change nothing, gradients."""

import dataclasses

import pytest
import torch
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.params.block import ParamsError, parse
from pipeline.systems.system import Batch, Inputs, Phrase, System, find_system, known_systems
from tests.blocks import OPTIMIZATION

TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
LENGTHS = [6, 1, 3, 2]
SHAPES = {"regions": (9, 12), "tags": (10,), "image_words": (3,)}  # of each cache
CLASSES = 13  # of image words
PHRASES = ("attributes", "captions", "hashtags", "knowledge")  # caches of them
COATTENTION, MODALITIES = "adaptive_coattention", "modality_attention"
KNOWLEDGE = "attributes_knowledge"
TRIMOD = "trimod"
TEXT = ["words", "characters"]

# Every setting that the papers' tables and our variants name.
VARIANTS: list[tuple[str, dict[str, object]]] = [
    *((name, {}) for name in known_systems()),
    (COATTENTION, {"attention": "interactive"}),
    (COATTENTION, {"fusion": "feature_gate"}),
    (COATTENTION, {"fusion": "concatenate"}),
    (COATTENTION, {"filtration": False}),
    (COATTENTION, {"crf": False}),
    (COATTENTION, {"attention": "interactive", "fusion": "concatenate", "filtration": False}),
    # Moon et al. 2018, Table 1, from its first row to the last but one; the last is the default.
    (MODALITIES, {"modalities": ["characters"]}),
    (MODALITIES, {"modalities": ["words"]}),
    (
        MODALITIES,
        {
            "modalities": TEXT,
            "characters": "cnn",
            "fusion": "concatenate",
            "segmentation": 1.0,
        },
    ),
    (MODALITIES, {"modalities": TEXT, "characters": "cnn", "fusion": "concatenate"}),
    (MODALITIES, {"modalities": TEXT, "fusion": "concatenate"}),
    (MODALITIES, {"modalities": TEXT}),
    (MODALITIES, {"fusion": "concatenate"}),
    (MODALITIES, {"cell": "standard", "transform": "relu"}),
    ("cwi", {"regularized": True}),  # Table 9
    ("cwi", {"char_length": 9}),  # words are cut, and halves are not whole
    ("cwi_attention", {"readout": "both"}),
    (KNOWLEDGE, {"image": False}),  # Chen et al. 2021, Table 3
    (KNOWLEDGE, {"attributes": False}),
    (KNOWLEDGE, {"knowledge": False}),
    (KNOWLEDGE, {"image": False, "attributes": False, "knowledge": False}),
    (KNOWLEDGE, {"char_filter": "full", "recurrent": True, "inner": 3, "activation": "tanh"}),
    (TRIMOD, {"fusion": "scaled_dot"}),
    (TRIMOD, {"l1": 0.001}),
    (TRIMOD, {"batch_norm": True}),
]


def sees(name: str, model: dict[str, object]) -> bool:
    """Whether the setting reads images."""
    features = SHAPES.keys() & find_system(name).REQUIRES.keys()
    shown = "image" in model.get("modalities", ["image"])  # type: ignore[operator]
    return bool(features) and shown and bool(model.get("image", True))


SEEING = [(name, model) for name, model in VARIANTS if sees(name, model)]


def make(name: str, **model: object) -> System:
    module = find_system(name)
    params = parse(
        {
            "vectors": [],
            "training": OPTIMIZATION | {"learning_rate": 0.01, "max_epochs": 1, "patience": 1},
            "model": {"hidden": 8, **model},
        },
        module.Params,
        name,
    )
    table = torch.randn(20, 7)
    shapes = {cache: SHAPES[cache] for cache in module.REQUIRES if cache in SHAPES}
    inputs = Inputs(table, torch.rand(20) < 0.5, 11, TAGS, shapes, CLASSES)
    return module.build(params, inputs).eval()


def make_batch(has_image: list[bool]) -> Batch:
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    chars = torch.randint(2, 11, (8, 5))
    for row in range(8):
        chars[row, 1 + row % 5 :] = 0
    there = torch.tensor(has_image)
    return Batch(
        words=torch.randint(1, 20, mask.shape) * mask,
        mask=mask,
        chars=chars,
        spelling=torch.randint(0, 8, mask.shape) * mask,
        tags=torch.randint(0, len(TAGS), mask.shape) * mask,
        features=make_features(there),
        has_image=there,
        phrases={cache: make_phrase(len(there)) for cache in PHRASES},
    )


def make_phrase(posts: int) -> Phrase:
    """A phrase for each post but the first, and every third behind it, which have none."""
    lengths = torch.arange(posts) % 3
    mask = torch.arange(3) < lengths[:, None]
    return Phrase(
        words=torch.randint(1, 20, mask.shape) * mask,
        weights=torch.rand(mask.shape) * mask,
        mask=mask,
        spelling=torch.randint(0, 8, mask.shape) * mask,
    )


def make_features(there: Tensor) -> dict[str, Tensor]:
    """Of every cache, zeros for posts without an image."""
    features = {}
    for cache, shape in SHAPES.items():
        size = (len(there), *shape)
        ids = cache == "image_words"
        drawn = torch.randint(0, CLASSES, size) if ids else torch.randn(size)
        features[cache] = drawn * there.view(-1, *[1] * len(shape))
    return features


def alone(batch: Batch, post: int) -> Batch:
    """One post of a batch, with no padding and only its own spellings."""
    length = int(batch.mask[post].sum())
    rows = slice(post, post + 1)
    held = {c: phrase.spelling[post, phrase.mask[post]] for c, phrase in batch.phrases.items()}
    used = torch.cat([batch.spelling[post, :length], *held.values()]).unique()
    spelling = torch.searchsorted(used, batch.spelling[post, :length])
    chars = batch.chars[used]
    return Batch(
        words=batch.words[rows, :length],
        mask=batch.mask[rows, :length],
        chars=chars[:, : int((chars != 0).sum(1).max())],
        spelling=spelling[None],
        tags=batch.tags[rows, :length],
        features={name: value[rows] for name, value in batch.features.items()},
        has_image=batch.has_image[rows],
        phrases={
            cache: phrase_alone(batch.phrases[cache], post, torch.searchsorted(used, spelled))
            for cache, spelled in held.items()
        },
    )


def phrase_alone(phrase: Phrase, post: int, spelling: Tensor) -> Phrase:
    """The phrase of one post with no padding but for the one column that there always is."""
    rows, columns = slice(post, post + 1), slice(0, max(1, len(spelling)))
    return Phrase(
        phrase.words[rows, columns],
        phrase.weights[rows, columns],
        phrase.mask[rows, columns],
        torch.nn.functional.pad(spelling, (0, 1 if len(spelling) == 0 else 0))[None],
    )


def in_double(batch: Batch) -> Batch:
    features = {
        cache: value.double() if value.is_floating_point() else value
        for cache, value in batch.features.items()
    }
    phrases = {
        cache: dataclasses.replace(phrase, weights=phrase.weights.double())
        for cache, phrase in batch.phrases.items()
    }
    return dataclasses.replace(batch, features=features, phrases=phrases)


@pytest.mark.parametrize(("name", "model"), VARIANTS)
def test_a_padded_batch_is_each_post_alone(name: str, model: dict[str, object]) -> None:
    network, batch = make(name, **model), make_batch([True, True, False, True])
    together = network.encode(batch)
    tags, losses = network.decode(batch), []
    for post, length in enumerate(LENGTHS):
        single = alone(batch, post)
        torch.testing.assert_close(
            together[post, :length], network.encode(single)[0], atol=1e-5, rtol=0
        )
        assert network.decode(single) == [tags[post]]
        losses.append(network.loss(single))
    torch.testing.assert_close(network.loss(batch), torch.stack(losses).mean(), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("name", "model"), VARIANTS)
def test_the_gradients_of_a_padded_batch_are_the_mean_of_each_posts(
    name: str, model: dict[str, object]
) -> None:
    network, batch = make(name, **model).double(), make_batch([True, True, False, True])
    batch = in_double(batch)
    weights = [p for p in network.parameters() if p.requires_grad]
    together = torch.autograd.grad(network.loss(batch), weights, allow_unused=True)
    total = [torch.zeros_like(weight) for weight in weights]
    for post in range(len(LENGTHS)):
        loss = network.loss(alone(batch, post)) / len(LENGTHS)
        for kept, part in zip(
            total, torch.autograd.grad(loss, weights, allow_unused=True), strict=True
        ):
            kept += torch.zeros_like(kept) if part is None else part
    for found, expected in zip(together, total, strict=True):
        found = torch.zeros_like(expected) if found is None else found
        torch.testing.assert_close(found, expected, atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize(("name", "model"), VARIANTS)
def test_every_weight_is_trained(name: str, model: dict[str, object]) -> None:
    network, batch = make(name, **model), make_batch([True] * 4)
    network.loss(batch).backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


@pytest.mark.parametrize(("name", "model"), SEEING)
def test_an_image_matters_where_there_is_one_and_nowhere_else(
    name: str, model: dict[str, object]
) -> None:
    network, batch = make(name, **model), make_batch([True, True, False, True])
    other = dataclasses.replace(batch, features=make_features(torch.ones(4, dtype=torch.bool)))
    change = (network.encode(batch) - network.encode(other)).abs().amax((1, 2))
    assert change[2] == 0
    assert (change[[0, 1, 3]] > 1e-5).all()


def test_modality_attention_weighs_the_modalities_that_are_there() -> None:
    network, batch = make(MODALITIES), make_batch([True, True, False, True])
    weights = network.explain(batch)["modality_weights"]  # (B, T, 3)
    torch.testing.assert_close(weights.nansum(2), torch.ones_like(batch.words, dtype=torch.float))
    assert weights[2, :, 2].isnan().all()
    assert not weights[[0, 1, 3]].isnan().any()
    # Without its image a post is the same as to the network of equation 5 with the same weights.
    text = make(MODALITIES, modalities=TEXT)
    state = network.state_dict()
    state["attention.score.weight"] = state["attention.score.weight"][:2, : 2 * 150]
    state["attention.score.bias"] = state["attention.score.bias"][:2]
    text.load_state_dict({k: v for k, v in state.items() if not k.startswith("transforms.image")})
    torch.testing.assert_close(network.encode(batch)[2], text.encode(batch)[2])


@pytest.mark.parametrize("fusion", ["additive", "scaled_dot"])
def test_trimod_weighs_the_phrases_that_are_there(fusion: str) -> None:
    network, batch = make(TRIMOD, fusion=fusion), make_batch([True] * 4)
    weights = network.explain(batch)["modality_weights"]  # (B, T, 3)
    torch.testing.assert_close(weights.sum(2), torch.ones_like(batch.words, dtype=torch.float))
    without, having = [0, 3], [1, 2]  # as `make_phrase` has them
    assert not weights[without, :, 1:].any()
    assert (weights[having] > 0).all()
    # A post without phrases is tagged as if there were no such words at all.
    noisy = {
        cache: dataclasses.replace(phrase, words=torch.randint(1, 20, phrase.words.shape))
        for cache, phrase in batch.phrases.items()
    }
    other = network.encode(dataclasses.replace(batch, phrases=noisy))
    change = (network.encode(batch) - other).abs().amax((1, 2))
    assert not change[without].any()
    assert (change[having] > 1e-5).all()


def test_l1_adds_all_weights_but_the_words_to_the_loss() -> None:
    torch.manual_seed(1)
    plain = make(TRIMOD)
    torch.manual_seed(1)
    network, batch = make(TRIMOD, l1=0.01), make_batch([True] * 4)
    norm = sum(
        weight.abs().sum()
        for name, weight in network.named_parameters()
        if weight.dim() > 1 and not name.startswith("words.")
    )
    torch.testing.assert_close(network.loss(batch), plain.loss(batch) + 0.01 * norm)


def test_attention_over_words_ends_with_the_post() -> None:
    network, batch = make("cwi_attention"), make_batch([True] * 4)
    weights = network.explain(batch)["word_weights"]  # (B, T, T)
    for post, length in enumerate(LENGTHS):
        torch.testing.assert_close(weights[post, :, :length].sum(1), torch.ones(max(LENGTHS)))
        assert weights[post, :, length:].isnan().all()
    assert make("cwi").explain(batch) == {}


def test_knowledge_and_attributes_are_attended_to_where_there_are_any() -> None:
    network, batch = make(KNOWLEDGE), make_batch([True, True, False, True])
    looked = network.explain(batch)
    steps = max(LENGTHS)
    regions = looked["region_weights"]  # (B, T, N)
    assert regions[2].isnan().all()
    for post, length in enumerate(LENGTHS):
        words = int(batch.phrases["knowledge"].mask[post].sum())
        known = looked["knowledge_weights"][post, :length]
        assert known.isnan().sum(1).tolist() == [known.shape[1] - words] * length
        named = looked["attribute_weights"][post, :length]
        assert bool(named.isnan().all()) == (not batch.phrases["attributes"].mask[post].any())
        own = looked["word_weights"][post, :length]
        assert own.isnan().sum(1).tolist() == [steps - length] * length
        total = own.nansum(1) + known.nansum(1) + named.nansum(1)
        torch.testing.assert_close(total, torch.ones(length))
        gate = looked["context_gate"][post, :length]
        assert gate.shape == (length, 1)
        assert ((gate > 0) & (gate < 1)).all()
        if post != 2:
            torch.testing.assert_close(regions[post, :length].sum(1), torch.ones(length))
    # A row of the paper's tables that lacks a modality is the network of which no post has any.
    nothing = make_phrase(len(LENGTHS))
    nothing = dataclasses.replace(nothing, mask=nothing.mask & False)
    for cache in ("knowledge", "attributes"):
        lacking = make(KNOWLEDGE, **{cache: False})
        lacking.load_state_dict(network.state_dict(), strict=False)
        masked = dataclasses.replace(batch, phrases=batch.phrases | {cache: nothing})
        torch.testing.assert_close(lacking.encode(batch), network.encode(masked))
        assert not torch.allclose(network.encode(batch), network.encode(masked), atol=1e-4)
        assert f"{cache.removesuffix('s')}_weights" not in lacking.explain(batch)


def test_a_second_task_adds_to_the_loss() -> None:
    torch.manual_seed(1)
    alone = make(MODALITIES, modalities=TEXT)
    torch.manual_seed(1)
    both = make(MODALITIES, modalities=TEXT, segmentation=0.5)
    both.load_state_dict(alone.state_dict(), strict=False)
    batch = make_batch([True] * 4)
    second = both.segmentation.loss(both.encode(batch), batch.tags, batch.mask)  # type: ignore[operator,union-attr]
    torch.testing.assert_close(both.loss(batch), alone.loss(batch) + 0.5 * second)


@pytest.mark.parametrize(
    ("name", "model", "message"),
    [
        (MODALITIES, {"modalities": ["word"]}, r"model\.modalities\.0: .*did you mean 'words'"),
        (MODALITIES, {"modalities": ["image"]}, "without words or characters"),
        (MODALITIES, {"modalities": ["words", "words"]}, "stands here twice"),
        (MODALITIES, {"char_hidden": 75}, r"model\.char_hidden: .*multiple of 2"),
        ("bilstm_crf", {"hidden": 75}, r"model\.hidden: .*multiple of 2"),
        ("cwi", {"char_length": 4}, r"model\.char_length: .*greater than or equal to 8"),
        (COATTENTION, {"fusion": "scalar_gat"}, "did you mean 'scalar_gate'"),
    ],
)
def test_settings_that_do_not_fit_are_refused_when_they_are_read(
    name: str, model: dict[str, object], message: str
) -> None:
    with pytest.raises(ParamsError, match=message):
        make(name, **model)


def test_unknown_systems_and_settings_name_the_nearest() -> None:
    with pytest.raises(PipelineError, match=r"did you mean 'bilstm_crf'"):
        find_system("bilstm_crff")
    with pytest.raises(PipelineError, match="unknown system 'system'"):
        find_system("system")
    with pytest.raises(ParamsError, match=r"unknown key 'model\.droput' \(did you mean 'dropout'"):
        make("bilstm_crf", droput=0.3)
