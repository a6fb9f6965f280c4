"""The trained segmenter: its inputs, its network, its training, and the model on disk."""

import dataclasses
import itertools
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.corpus.posts import Post, write_posts
from pipeline.errors import PipelineError
from pipeline.params.optimization import Optimization
from pipeline.params.segmenter import BorderSizes, SegmenterParams
from pipeline.text.hashtags.border_network import BorderNetwork, Run, Runs
from pipeline.text.hashtags.border_phrases import CountedPhrases, cased, in_form, stretches
from pipeline.text.hashtags.character_skipgram import WINDOW, pairs_of, pretrain
from pipeline.text.hashtags.neural import NeuralSegmenter, read_segmenter
from pipeline.text.hashtags.train import Example, train_segmenter
from pipeline.text.hashtags.word_counts import START, WordCounts
from tests.blocks import OPTIMIZATION, quiet

CPU = torch.device("cpu")
WORDS = {"a": 40.0, "at": 20.0, "cat": 10.0, "the": 60.0, "hat": 9.0, "tin": 5.0, "in": 50.0}
FOLLOWING: Mapping[str, Mapping[str, float]] = {
    START: {"the": 30.0},
    "the": {"cat": 8.0, "hat": 7.0},
    "in": {"the": 20.0, "a": 9.0},
    "cat": {"in": 3.0},
    "dog": {"in": 3.0},  # a first word that was never counted by itself
}
COUNTS = WordCounts(WORDS | {START: 50.0}, FOLLOWING, 1000.0, "digest")


def ways(run: str) -> list[list[str]]:
    """Every split of a run."""
    found = []
    for cut in itertools.product((False, True), repeat=len(run) - 1):
        words = [run[0]]
        for character, border in zip(run[1:], cut, strict=True):
            if border:
                words.append(character)
            else:
                words[-1] += character
        found.append(words)
    return found


def weight(words: list[str]) -> float:
    """As the package `wordsegment` scores a split."""
    product = 1.0
    for before, word in zip([START, *words], words, strict=False):
        alone = COUNTS.words.get(word, 10.0 / 10 ** len(word)) / COUNTS.total
        pair = COUNTS.following.get(before, {}).get(word)
        known = pair is not None and before in COUNTS.words
        product *= pair / COUNTS.words[before] if known and pair else alone
    return product


@pytest.mark.parametrize("run", ["a", "at", "thecat", "thecatinthe", "inacathat", "xqz", "dogin"])
def test_borders_by_counts_are_those_of_all_splits(run: str) -> None:
    total, borders = 0.0, np.zeros(len(run))
    for words in ways(run):
        total += weight(words)
        borders[np.cumsum([len(word) for word in words]) - 1] += weight(words)
    np.testing.assert_allclose(COUNTS.borders(run), borders / total, rtol=1e-5)


def test_borders_of_very_long_runs_are_numbers() -> None:
    for run in ("the" * 90, "x" * 280):
        borders = COUNTS.borders(run)
        assert np.isfinite(borders).all()
        assert ((borders >= 0) & (borders <= 1.0001)).all()


SIZES = {
    "char_width": 6,
    "shape_width": 3,
    "counts": True,
    "filters": 4,
    "windows": [3, 5, 7],
    "hidden": 6,
    "dropout": 0.1,
}


def make(counts: bool = True) -> BorderNetwork:
    torch.manual_seed(1)
    sizes = BorderSizes.model_validate(SIZES | {"counts": counts})
    return BorderNetwork(sizes).eval()


@pytest.mark.parametrize("counts", [True, False])
def test_a_padded_batch_is_each_run_alone(counts: bool) -> None:
    network = make(counts)
    runs = [Run.of(run, COUNTS) for run in ("thecatinthehat", "A", "in4Cats")]
    together = network(Runs.of(runs, CPU))
    for row, run in enumerate(runs):
        alone = network(Runs.of([run], CPU))[0]
        torch.testing.assert_close(together[row, : len(alone)], alone, atol=1e-5, rtol=0)


def test_the_loss_is_the_mean_over_places_between_characters() -> None:
    network = make()
    examples = [Example.of(phrase, COUNTS) for phrase in (("the", "cat"), ("in", "a", "hat"))]
    runs = Runs.of([example.run for example in examples], CPU)
    borders = torch.zeros(2, 6)
    losses = []
    for row, example in enumerate(examples):
        borders[row, : len(example.borders)] = torch.from_numpy(example.borders)
        logits = network(Runs.of([example.run], CPU))[0].sigmoid()
        for chance, border in zip(logits[:-1], example.borders[:-1], strict=True):
            losses.append(-(chance if border else 1 - chance).log())
    torch.testing.assert_close(network.loss(runs, borders), torch.stack(losses).mean())


def test_what_the_network_reads() -> None:
    run = Run.of("Ab3É", None)
    assert run.characters.tolist() == [1, 2, 30, 5]
    assert run.shapes.tolist() == [2, 1, 3, 2]
    assert not run.counted.any()
    network = make(counts=False)
    told = dataclasses.replace(run, counted=np.full(4, 0.7, np.float32))
    batches = [Runs.of([one], CPU) for one in (run, told)]
    torch.testing.assert_close(network(batches[0]), network(batches[1]))


def test_neighbours_are_those_of_each_run() -> None:
    runs = [[3, 4, 5, 6], [7], [8, 9]]
    expected = sorted(
        (run[i], run[j])
        for run in runs
        for i in range(len(run))
        for j in range(len(run))
        if 0 < abs(i - j) <= WINDOW
    )
    assert sorted(map(tuple, pairs_of(runs).tolist())) == expected


CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=CUDA)])
def test_skip_gram_brings_characters_with_like_neighbours_together(device: str) -> None:
    torch.manual_seed(1)
    random = np.random.default_rng(1)
    # 1 and 2 stand between 3 and 4, 5 and 6 between 7 and 8.
    runs = [[3, random.integers(1, 3), 4] for _ in range(400)]
    runs += [[7, random.integers(5, 7), 8] for _ in range(400)]
    table = nn.Embedding(9, 4, padding_idx=0).to(device)
    options = Optimization(**OPTIMIZATION, learning_rate=0.05, max_epochs=40, patience=40)
    pretrain(table, runs, options, random, None)
    near = nn.functional.normalize(table.weight.detach()[1:], dim=1)
    alike = near @ near.T
    assert alike[0, 1] > 0.9
    assert alike[4, 5] > 0.9
    assert alike[0, 4] < 0.5
    assert not table.weight[0].any()


def test_stretches_are_plain_words_side_by_side() -> None:
    tokens = ("RT", "@x", "New", "York", "2015", "!", "#tag", "Łódź")
    post = Post("train/0", "train", None, tokens, ("O",) * len(tokens), 1)
    found = stretches([post, post], 100, np.random.default_rng(1))
    assert sorted(found) == sorted(
        [
            ("RT",),
            ("New",),
            ("York",),
            ("2015",),
            ("Łódź",),
            ("New", "York"),
            ("York", "2015"),
            ("New", "York", "2015"),
        ]
    )
    assert stretches([post], 2, np.random.default_rng(1), fewest=3) == [("New", "York", "2015")]


def test_counted_phrases_follow_the_counts() -> None:
    drawn = CountedPhrases(COUNTS).draw(2000, np.random.default_rng(1))
    assert {word for phrase in drawn for word in phrase} == set(WORDS) | {"dog"}
    lengths = [len(phrase) for phrase in drawn]
    assert set(lengths) == {1, 2, 3, 4}
    assert START not in {word for phrase in drawn for word in phrase}
    pairs = [pair for phrase in drawn for pair in itertools.pairwise(phrase) if pair[0] == "cat"]
    assert pairs.count(("cat", "in")) / len(pairs) > 0.7


def test_cased_phrases_are_the_same_letters() -> None:
    random = np.random.default_rng(1)
    forms = {cased(("new", "York"), random) for _ in range(200)}
    assert forms == {("new", "York"), ("new", "york"), ("New", "York"), ("NEW", "YORK")}
    assert in_form("iPhone", "camel") == "IPhone"


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    made = []
    for number in range(60):
        split = "dev" if number >= 40 else "train"
        tokens = tuple(random.choice(sorted(WORDS), 6).tolist())
        made.append(Post(f"{split}/{number}", split, None, tokens, ("O",) * 6, 1))
    write_posts(made, tmp_path / "posts.parquet")
    return tmp_path / "posts.parquet"


PARAMS = SegmenterParams.model_validate(
    {
        "seed": 1,
        "phrases": 400,
        "corpus_share": 0.4,
        "model": SIZES
        | {"char_width": 8, "shape_width": 2, "filters": 16, "hidden": 16, "counts": False},
        "pretraining": OPTIMIZATION | {"learning_rate": 0.01, "max_epochs": 1, "patience": 1},
        "training": OPTIMIZATION | {"learning_rate": 0.02, "max_epochs": 6, "patience": 6},
    }
)


def train(params: SegmenterParams, posts: Path, model: Path) -> list[str]:
    lines: list[str] = []
    train_segmenter(params, quiet(), posts, model, lines.append)
    return lines


def test_training_learns_and_writes_the_same_bytes_again(
    posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WordCounts, "read", classmethod(lambda cls: COUNTS))
    lines = train(PARAMS, posts, tmp_path / "model")
    best = json.loads((tmp_path / "model" / "history.json").read_text())
    assert max(epoch["score"] for epoch in best["epochs"]) > 70
    assert "phrases of the corpus" in lines[0]
    train(PARAMS, posts, tmp_path / "again")
    for name in ("weights.safetensors", "history.json", "segmenter.json"):
        first, second = ((tmp_path / d / name).read_bytes() for d in ("model", "again"))
        assert first == second
    segmenter = read_segmenter(tmp_path / "model")
    (found,) = segmenter.split(["INTHECAT"])
    assert found.words == ("IN", "THE", "CAT")
    assert 0 < found.confidence <= 1
    # Alone or among others, in whatever order.
    runs = ["thecat", "a", "catinthehat" * 5]
    for split, run in zip(segmenter.split(runs), runs, strict=True):
        (alone,) = segmenter.split([run])
        assert split.words == alone.words
        assert split.confidence == pytest.approx(alone.confidence, abs=1e-5)
        assert "".join(split.words) == run


def test_the_confidence_is_the_probability_of_all_decisions() -> None:
    network = make()
    (found,) = NeuralSegmenter(network, COUNTS).split(["thecat"])
    chances = network(Runs.of([Run.of("thecat", COUNTS)], CPU)).sigmoid()[0, :-1]
    decided = torch.where(chances >= 0.5, chances, 1 - chances)
    assert found.confidence == pytest.approx(decided.prod().item(), rel=1e-5)
    assert len(found.words) == 1 + int((chances >= 0.5).sum())


def test_other_counts_than_it_was_trained_with_are_refused(
    posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WordCounts, "read", classmethod(lambda cls: COUNTS))
    sizes = PARAMS.model.model_copy(update={"counts": True})
    training = PARAMS.training.model_copy(update={"max_epochs": 1})
    params = PARAMS.model_copy(update={"model": sizes, "training": training})
    train(params, posts, tmp_path / "model")
    read_segmenter(tmp_path / "model")
    other = dataclasses.replace(COUNTS, digest="another")
    monkeypatch.setattr(WordCounts, "read", classmethod(lambda cls: other))
    with pytest.raises(PipelineError, match="trained with other word counts"):
        read_segmenter(tmp_path / "model")


def test_dev_posts_without_words_side_by_side_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WordCounts, "read", classmethod(lambda cls: COUNTS))
    lone = [Post(f"{s}/0", s, None, ("cat", "!"), ("O", "O"), 1) for s in ("train", "dev")]
    write_posts(lone, tmp_path / "posts.parquet")
    with pytest.raises(PipelineError, match="two plain words in a row"):
        train(PARAMS, tmp_path / "posts.parquet", tmp_path / "model")
