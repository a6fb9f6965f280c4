"""Small networks of every system and setting, and batches for them."""

import dataclasses

import torch
from torch import Tensor

from pipeline.systems.system import (
    Batch,
    Inputs,
    Phrase,
    System,
    SystemParams,
    find_system,
    known_systems,
)
from tests.systems.blocks import block

TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
LENGTHS = [6, 1, 3, 2]
SHAPES = {"regions": (9, 12), "tags": (10,), "image_words": (3,)}  # of each cache
CONTEXT = (3, 6)  # layers and width of contextual words
CLASSES = 13  # of image words
PHRASES = ("attributes", "captions", "hashtags", "knowledge")  # caches of them
COATTENTION, MODALITIES = "adaptive_coattention", "modality_attention"
KNOWLEDGE = "attributes_knowledge"
TRIMOD = "trimod"
TEXT = ["words", "characters"]

# Every setting that the papers' tables and our variants name.
VARIANTS: list[tuple[str, dict[str, object]]] = [
    *((name, {}) for name in known_systems()),
    *((name, {"context": "tiny"}) for name in known_systems()),
    (COATTENTION, {"attention": "interactive"}),
    (COATTENTION, {"fusion": "feature_gate"}),
    (COATTENTION, {"fusion": "concatenate"}),
    (COATTENTION, {"filtration": False}),
    (COATTENTION, {"crf": False}),
    (COATTENTION, {"attention": "interactive", "fusion": "concatenate", "filtration": False}),
    (COATTENTION, {"char_padding": "none", "char_length": None}),
    (COATTENTION, {"char_padding": "borders", "char_length": 4}),
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
    (MODALITIES, {"score": "linear", "missing_vectors": "zeros"}),
    (MODALITIES, {"fusion": "concatenate", "transform": "none"}),
    ("cwi", {"regularized": True}),  # Table 9
    ("cwi", {"char_length": 9}),  # words are cut, and halves are not whole
    ("cwi", {"targets": "largest", "prune": False}),
    ("cwi_attention", {"readout": "both"}),
    ("cwi_attention", {"attends": "modalities"}),
    ("cwi_attention", {"attends": "modalities", "readout": "both"}),
    (KNOWLEDGE, {"image": False}),  # Chen et al. 2021, Table 3
    (KNOWLEDGE, {"attributes": False}),
    (KNOWLEDGE, {"knowledge": False}),
    (KNOWLEDGE, {"image": False, "attributes": False, "knowledge": False}),
    (KNOWLEDGE, {"char_filter": "full", "recurrent": True, "inner": 3, "activation": "tanh"}),
    (KNOWLEDGE, {"region_scores": "product", "recurrent": True, "inner": 3, "activation": "tanh"}),
    (KNOWLEDGE, {"attribute_weights": "probabilities"}),
    (TRIMOD, {"fusion": "scaled_dot"}),
    (TRIMOD, {"modalities": ["text"]}),
    (TRIMOD, {"modalities": ["hashtags", "text"]}),
    (TRIMOD, {"l1": 0.001}),
    (TRIMOD, {"batch_norm": True}),
]


def sees(name: str, model: dict[str, object]) -> bool:
    """Whether the setting reads images."""
    features = SHAPES.keys() & {read.cache for read in find_system(name).reads}
    shown = "image" in model.get("modalities", ["image"])  # type: ignore[operator]
    return bool(features) and shown and bool(model.get("image", True))


SEEING = [(name, model) for name, model in VARIANTS if sees(name, model)]


def make(name: str, **model: object) -> System:
    return build(find_system(name), block(name, {"hidden": 8, **model}))


def build(system: type[System], params: SystemParams) -> System:
    table = torch.randn(20, 7)
    shapes = {read.cache: SHAPES[read.cache] for read in system.reads if read.cache in SHAPES}
    shapes["context"] = CONTEXT
    inputs = Inputs(table, torch.rand(20, 7) < 0.5, 11, TAGS, shapes, CLASSES)
    return system(params, inputs).eval()


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
        context=(torch.randn(*mask.shape, *CONTEXT) * mask[:, :, None, None]).half(),
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
        context=None if batch.context is None else batch.context[rows, :length],
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
