"""Posts as batches: nothing lost, nothing added, whatever the order."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.fit.batching import in_order, shuffled
from pipeline.params.vocab import Vocab
from pipeline.systems.system import ImageClasses, StoreOutput
from pipeline.text.vectors.words import WordVectors
from pipeline.training.batches import EncodedPosts
from pipeline.training.caches import Caches, ImageFeatures, open_caches
from pipeline.training.lexicon import Lexicon, assemble, without
from tests.blocks import of_project
from tests.training.tiny import NAMES, TYPES, Workspace, classes_of, grid_of, write_caches

REGIONS = [StoreOutput("regions", "grid", "regions")]
WORDS = [ImageClasses("words", "tags")]
LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=200).map(np.array)


@given(LENGTHS, st.integers(1, 9), st.integers(0, 99))
def test_each_post_is_in_one_batch(lengths: np.ndarray, batch_posts: int, seed: int) -> None:
    for batches in (
        in_order(lengths, batch_posts),
        list(shuffled(lengths, batch_posts, np.random.default_rng(seed))),
    ):
        assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
        assert max(len(batch) for batch in batches) <= batch_posts
        assert len(batches) == -(-len(lengths) // batch_posts)


def test_batches_hold_posts_of_like_length_in_a_new_order_each_epoch() -> None:
    lengths = np.random.default_rng(0).integers(3, 40, size=2000)
    first, again, second = (
        list(shuffled(lengths, 16, np.random.default_rng([1, epoch]))) for epoch in (1, 1, 2)
    )
    assert first == again != second
    padded = sum(len(batch) * lengths[batch].max() for batch in first)
    assert padded < 1.1 * lengths.sum()


def load(workspace: Workspace) -> tuple[list[Post], Lexicon, Caches]:
    lexicon = assemble(workspace.vocab, {"tiny": workspace.vectors}).lexicon
    caches = open_caches(REGIONS, {"regions": workspace.regions}, workspace.images)
    return read_posts(workspace.posts), lexicon, caches


def test_a_batch_reads_back_as_its_posts(workspace: Workspace) -> None:
    posts, lexicon, caches = load(workspace)
    places = [3, 60, 17, 44, 0, 5]
    batch = EncodedPosts(posts, lexicon, caches).batch(places)
    for row, place in enumerate(places):
        post = posts[place]
        length = len(post.tokens)
        assert batch.mask[row].tolist() == [True] * length + [False] * (
            batch.mask.shape[1] - length
        )
        assert [lexicon.tags[tag] for tag in batch.tags[row, :length]] == list(post.labels)
        for t, token in enumerate(post.tokens):
            word = lexicon.words[batch.words[row, t]]
            assert word in (lexicon.word(token), "<unk>")
            chars = batch.chars[batch.spelling[row, t]]
            spelled = [lexicon.characters[c] for c in chars if c != 0]
            assert len(spelled) == len(token)
            assert all(c in (o, "<unk>") for c, o in zip(spelled, token, strict=True))
        usable = post.image is not None and post.image != "img6"
        assert bool(batch.has_image[row]) == usable
        grid = grid_of(post.image or "").astype(np.float32) if usable else np.zeros((4, 6))
        np.testing.assert_array_equal(batch.features["regions"][row].numpy(), grid)
    assert len(batch.chars.unique(dim=0)) == len(batch.chars)  # each spelling once


def test_words_of_test_are_known_by_their_vectors_alone(workspace: Workspace) -> None:
    words = assemble(workspace.vocab, {"tiny": workspace.vectors})
    lexicon, table, found = words.lexicon, words.vectors, words.found
    train = {
        lexicon.word(token)
        for post in read_posts(workspace.posts)
        if post.split == "train"
        for token in post.tokens
    }
    for row, word in enumerate(lexicon.words[2:], start=2):
        assert word in train or found[row].all()
        assert found[row].tolist() == [bool(table[row].any())] * 5
    assert table.shape == (len(lexicon.words), 5)
    again = Lexicon.read(_written(lexicon, workspace))
    assert again == lexicon


def _written(lexicon: Lexicon, workspace: Workspace):  # noqa: ANN202
    path = workspace.root / "lexicon.json"
    lexicon.write(path)
    return path


def test_a_share_of_the_vectors_can_be_removed(workspace: Workspace) -> None:
    """Moon et al. 2018, Table 3: what has lost its vector is as if no source had it."""
    sources = {"tiny": workspace.vectors}
    whole = assemble(workspace.vocab, sources)
    all_words, table, found = whole.lexicon, whole.vectors, whole.found
    known = set(all_words.words)
    for share in (0.25, 0.5, 0.75):
        less, again = (assemble(workspace.vocab, sources, share) for _ in range(2))
        lexicon, fewer, still = less.lexicon, less.vectors, less.found
        assert lexicon == again.lexicon
        assert torch.equal(fewer, again.vectors)
        assert set(lexicon.words) <= known
        known = set(lexicon.words)  # a larger share lacks what a smaller one lacks
        rows = {word: row for row, word in enumerate(lexicon.words)}
        for row, word in enumerate(all_words.words):
            if found[row].all() and word in rows and still[rows[word]].all():
                assert torch.equal(fewer[rows[word]], table[row])
        assert fewer[~still].abs().sum() == 0
    assert 0 < still.sum() < found.sum()


def test_the_share_is_of_the_words() -> None:
    words = tuple(f"word{n}" for n in range(4000))
    source = WordVectors(words, np.ones(4000, dtype=bool), np.ones((4000, 1), dtype=np.float32))
    for share in (0.25, 0.5, 0.75):
        assert abs(1 - without(source, share).found.mean() - share) < 0.03


def test_sources_are_concatenated_in_their_order(workspace: Workspace, tmp_path: Path) -> None:
    """What one of them lacks stays unfound in its half."""
    whole = pq.read_table(workspace.vectors)
    rows = [row | {"found": row["found"] and row["word"] < "l"} for row in whole.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, whole.schema), tmp_path / "b.parquet")
    one = assemble(workspace.vocab, {"a": workspace.vectors})
    two = assemble(workspace.vocab, {"a": workspace.vectors, "b": tmp_path / "b.parquet"})
    assert one.lexicon == two.lexicon
    assert torch.equal(two.vectors[:, :5], one.vectors)
    assert torch.equal(two.found[:, :5], one.found)
    has = {row["word"] for row in rows if row["found"]}
    assert 0 < len(has) < sum(whole["found"].to_pylist())
    for word, row, found in zip(two.lexicon.words, two.vectors, two.found, strict=True):
        assert found[5:].tolist() == [word in has] * 5
        assert torch.equal(row[5:], row[:5] * (word in has))


def test_the_spelling_of_padding_is_an_unknown_word(workspace: Workspace) -> None:
    _, lexicon, _ = load(workspace)
    post = Post("train/0", "train", None, ("<pad>", "saw"), ("O", "O"), 1)
    batch = EncodedPosts([post], lexicon, open_caches((), {}, None)).batch([0])
    assert batch.words[0, 0] == 1
    assert (batch.chars != 0).sum() == len("<pad>") + len("saw")


def test_a_label_outside_the_vocabulary_names_the_post(workspace: Workspace) -> None:
    _, lexicon, _ = load(workspace)
    post = Post("dev/7", "dev", None, ("Anna",), ("B-ORG",), 1)
    with pytest.raises(PipelineError, match=r"dev/7: the label 'B-ORG'"):
        EncodedPosts([post], lexicon, open_caches((), {}, None))


def test_caches_that_do_not_fit_are_refused(workspace: Workspace) -> None:
    regions = {"regions": workspace.regions}
    with pytest.raises(PipelineError, match=r"reads the caches \['regions'\], but was given \[\]"):
        open_caches(REGIONS, {}, workspace.images)
    with pytest.raises(PipelineError, match="needs the table of images"):
        ImageFeatures(REGIONS, regions, None)
    with pytest.raises(PipelineError, match="holds \\['grid'\\], but this system reads 'pooled'"):
        ImageFeatures([StoreOutput("regions", "pooled", "x")], regions, workspace.images)
    words = {"words": workspace.image_words}
    write_caches(workspace, ["img0", "img1"])
    for reads, caches in ((REGIONS, regions), (WORDS, words)):
        with pytest.raises(PipelineError, match="lacks 4 of the 6 usable images"):
            ImageFeatures(reads, caches, workspace.images)
    workspace.image_words.unlink()
    with pytest.raises(PipelineError, match="dvc repro tags"):
        ImageFeatures(WORDS, words, workspace.images)


def test_image_words_are_the_classes_of_each_image(workspace: Workspace) -> None:
    features = ImageFeatures(WORDS, {"words": workspace.image_words}, workspace.images)
    read, there = features.read(["img3", None, "img6", "img0"])
    assert there.tolist() == [True, False, False, True]
    assert read["words"].dtype == torch.int64
    none = [0, 0, 0]
    assert read["words"].tolist() == [classes_of("img3"), none, none, classes_of("img0")]
    assert (features.classes, features.shapes) == (len(NAMES), {"words": (3,)})


def test_a_half_pulled_store_is_refused(workspace: Workspace) -> None:
    for shard in sorted(workspace.regions.glob("**/*.h5"))[:1]:
        shard.unlink()
    with pytest.raises(PipelineError, match="dvc pull"):
        ImageFeatures(REGIONS, {"regions": workspace.regions}, workspace.images)


def test_vectors_of_another_vocabulary_are_refused(workspace: Workspace) -> None:
    posts = [dataclasses.replace(post, split="train") for post in read_posts(workspace.posts)]
    extra = Post("train/x", "train", None, ("Xanadu",), ("B-LOC",), 1)
    from pipeline.corpus.posts import write_posts
    from pipeline.text.vocab import build_vocab

    renamed = [dataclasses.replace(p, post=f"train/{n}") for n, p in enumerate(posts)]
    write_posts([*renamed, extra], workspace.posts)
    build_vocab(of_project("vocab", Vocab), TYPES, workspace.posts, workspace.vocab)
    with pytest.raises(PipelineError, match="xanadu"):
        assemble(workspace.vocab, {"tiny": workspace.vectors})
