"""Contextual words on their way to the network, and what a network gains by them."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.corpus.posts import Post, read_posts, words_key
from pipeline.errors import PipelineError
from pipeline.files import read_json
from pipeline.fingerprint import Fingerprint, Output
from pipeline.layers.context import ContextMix
from pipeline.layers.embedding import WordEmbedding
from pipeline.params.context import ContextWords
from pipeline.store.rows import stacked
from pipeline.store.store import Store
from pipeline.systems.system import known_systems
from pipeline.training.batches import EncodedPosts
from pipeline.training.caches import Caches, open_caches
from pipeline.training.context import CachedWords, open_context
from pipeline.training.lexicon import Lexicon, assemble
from tests.training.runs import evaluate, params_of, train
from tests.training.tiny import Workspace

NAMES = ("Anna", "Bo", "Carl", "Rome", "Oslo", "Lima", "Smith")
WORDS = Output((2, 4), "float16", ragged=True)


def row_of(post: Post) -> np.ndarray:
    """Contextual words (T, 2, 4) whose second layer tells the names."""
    random = np.random.default_rng(int(words_key(post.tokens)[:8], 16))
    row = random.normal(size=(len(post.tokens), 2, 4))
    row[:, 1, 0] = [8 if token in NAMES else -8 for token in post.tokens]
    return row.astype(np.float16)


def write(directory: Path, posts: list[Post], version: int = 1) -> Path:
    made = Fingerprint("tiny", version, "0" * 64, "", "", "float32", {"words": WORDS})
    by_key = {words_key(post.tokens): row_of(post) for post in posts}
    with Store(directory, made) as store:
        keys = store.missing(by_key)
        store.add(keys, {"words": stacked(WORDS, [by_key[key] for key in keys])})
        store.finish()
    return directory


@pytest.fixture
def context(workspace: Workspace, tmp_path: Path) -> Path:
    return write(tmp_path / "context" / "tiny", read_posts(workspace.posts))


def lexicon_of(workspace: Workspace) -> Lexicon:
    return assemble(workspace.vocab, {"tiny": workspace.vectors}, 0.0).lexicon


def test_a_batch_holds_the_rows_of_its_posts(workspace: Workspace, context: Path) -> None:
    posts = read_posts(workspace.posts)
    caches = open_caches((), {}, None, CachedWords(context))
    batch = EncodedPosts(posts, lexicon_of(workspace), caches).batch([3, 0, 50])
    assert batch.context is not None
    assert batch.context.dtype == torch.float16
    assert batch.context.shape == (*batch.mask.shape, 2, 4)
    for at, place in enumerate([3, 0, 50]):
        length = len(posts[place].tokens)
        assert np.array_equal(batch.context[at, :length].numpy(), row_of(posts[place]))
        assert not batch.context[at, length:].any()


def test_without_context_a_batch_has_none(workspace: Workspace) -> None:
    posts = read_posts(workspace.posts)
    encoded = EncodedPosts(posts, lexicon_of(workspace), open_caches((), {}, None))
    assert encoded.batch([0]).context is None


def test_the_mix_is_a_mean_of_normalised_layers() -> None:
    mix = ContextMix(3, 6, 4, dropout=0.0).eval()
    states = torch.randn(2, 5, 3, 6).half()
    torch.nn.init.normal_(mix.scores)
    weights = mix.scores.softmax(0)
    expected = torch.zeros(2, 5, 4)
    for post in range(2):
        for word in range(5):
            mixed = torch.zeros(6)
            for layer in range(3):
                one = states[post, word, layer].float()
                spread = one.var(unbiased=False) + 1e-5
                mixed += weights[layer] * (one - one.mean()) / spread.sqrt()
            expected[post, word] = mix.projection(mixed)
    torch.testing.assert_close(mix(states), expected)


def test_words_of_phrases_have_zeros_in_place_of_a_context() -> None:
    table = torch.randn(5, 3)
    words = WordEmbedding(table, torch.ones(5, 3).bool(), context=ContextMix(2, 4, 6, 0.0))
    read = words(torch.tensor([[2, 3]]))
    assert words.width == 9
    assert torch.equal(read[..., :3], table[[2, 3]][None])
    assert not read[..., 3:].any()


@pytest.mark.slow
@pytest.mark.parametrize("name", known_systems())
def test_every_system_trains_and_scores_with_context(
    workspace: Workspace, context: Path, tmp_path: Path, name: str
) -> None:
    train(name, workspace, tmp_path, [1], context=context, max_epochs=2)
    described = read_json(tmp_path / "model" / "system.json")
    assert described["fingerprints"]["context"] == CachedWords(context).fingerprint
    assert described["setting"]["caches"]["context"] == {"encoder": "tiny"}
    assert "strict F1" in evaluate(name, workspace, tmp_path, context)


def test_context_that_tells_the_names_is_used(
    workspace: Workspace, context: Path, tmp_path: Path
) -> None:
    """Where neither words nor spellings are known, contextual words are all there is."""
    for given in (None, context):
        folder = tmp_path / ("with" if given else "without")
        params = params_of("bilstm_crf", given.name if given else None, max_epochs=4)
        blind = params.model_copy(
            update={"model": params.model.model_copy(update={"unknown_rate": 0.97})}
        )
        train("bilstm_crf", workspace, folder, [1], params=blind, context=given)
    scores = {
        which: max(epoch["score"] for epoch in _epochs(tmp_path / which))
        for which in ("with", "without")
    }
    assert scores["with"] > scores["without"] + 10


def _epochs(folder: Path) -> list[dict[str, float]]:
    history = read_json(folder / "model" / "seed-1" / "history.json")
    epochs: list[dict[str, float]] = history["epochs"]
    return epochs


def test_a_store_of_other_posts_is_refused(
    workspace: Workspace, context: Path, tmp_path: Path
) -> None:
    posts = read_posts(workspace.posts)
    other = write(tmp_path / "tiny", posts[:3])
    with pytest.raises(PipelineError, match=r"lacks .* another corpus.*dvc repro encode@tiny"):
        train("bilstm_crf", workspace, tmp_path / "out", [1], context=other)


def test_a_store_of_another_encoder_is_refused_at_evaluation(
    workspace: Workspace, context: Path, tmp_path: Path
) -> None:
    train("bilstm_crf", workspace, tmp_path, [1], context=context, max_epochs=1)
    other = write(tmp_path / "tiny", read_posts(workspace.posts), version=2)
    with pytest.raises(PipelineError, match="trained on features with the fingerprints"):
        evaluate("bilstm_crf", workspace, tmp_path, other)


def test_half_a_store_is_refused(workspace: Workspace, context: Path, tmp_path: Path) -> None:
    half = shutil.copytree(context, tmp_path / "tiny")
    next(half.glob("*.h5")).unlink()
    with pytest.raises(PipelineError, match=r"not there as the index.*dvc pull"):
        CachedWords(half)


def test_params_and_the_stage_must_name_the_same_words(context: Path, tmp_path: Path) -> None:
    named = ContextWords(store="tiny", width=5, dropout=0.0)
    none = named.model_copy(update={"store": "none"})
    (tmp_path / "none").touch()
    assert open_context(none, None) is None
    assert open_context(none, tmp_path / "none") is None
    assert isinstance(open_context(named, context), CachedWords)
    for params, given in ((named, None), (named, tmp_path / "none"), (none, context)):
        with pytest.raises(PipelineError, match="--context is"):
            open_context(params, given)


def test_caches_without_context_are_as_before(workspace: Workspace) -> None:
    caches: Caches = open_caches((), {}, None)
    assert caches.shapes == {}
    assert caches.fingerprints == {}
