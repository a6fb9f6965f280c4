"""The one way from posts to tags: the same for a network in training and one from a folder."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.corpus.posts import Post, read_posts
from pipeline.systems.system import find_system
from pipeline.training import tagger as tagging
from pipeline.training.caches import open_caches
from pipeline.training.model import TrainedModel
from pipeline.training.tagger import Tagger
from tests.training.runs import files_of, train
from tests.training.tiny import GRID, Workspace

CPU = torch.device("cpu")
NAME = "adaptive_coattention"


@pytest.fixture
def tagger(workspace: Workspace, tmp_path: Path) -> Tagger:
    train(NAME, workspace, tmp_path, [1], max_epochs=3)
    return reloaded(workspace, tmp_path)


def reloaded(workspace: Workspace, out: Path) -> Tagger:
    files = files_of(NAME, workspace, out)
    caches = open_caches(find_system(NAME).reads, files.caches, files.images)
    return Tagger.load(TrainedModel.read(out / "model"), 1, caches, CPU)


def test_each_post_has_its_own_tags_whatever_stands_beside_it(
    tagger: Tagger, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = read_posts(workspace.posts)
    together = tagger.tag(tagger.encode(posts))
    monkeypatch.setattr(tagging, "POSTS", 7)
    assert tagger.tag(tagger.encode(posts)) == together
    assert [len(labels) for labels in together] == [len(post.tokens) for post in posts]
    assert {label for labels in together for label in labels} > {"O", "B-PER", "B-LOC"}
    order = np.random.default_rng(0).permutation(len(posts))[:9]
    some = tagger.tag(tagger.encode([posts[place] for place in order]))
    assert some == [together[place] for place in order]
    for place in order[:3]:
        assert tagger.tag(tagger.encode([posts[place]])) == [together[place]]
    assert tagger.tag(tagger.encode([])) == []
    assert tagger.tag(tagger.encode(posts), threads=3) == together


def test_a_folder_gives_the_same_tagger_again(
    tagger: Tagger, workspace: Workspace, tmp_path: Path
) -> None:
    posts = read_posts(workspace.posts)
    again = reloaded(workspace, tmp_path)
    assert again.network is not tagger.network
    assert again.tag(tagger.encode(posts)) == tagger.tag(again.encode(posts))


def test_tagging_leaves_dropout_off_and_keeps_no_gradient(
    tagger: Tagger, workspace: Workspace
) -> None:
    tagger.network.train()
    posts: list[Post] = read_posts(workspace.posts)[:4]
    assert tagger.tag(tagger.encode(posts)) == tagger.tag(tagger.encode(posts))
    assert not tagger.network.training
    assert all(weight.grad is None for weight in tagger.network.parameters())


def test_it_tells_what_was_looked_at_for_the_places_asked_for(
    tagger: Tagger, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tagging, "POSTS", 8)
    encoded = tagger.encode(read_posts(workspace.posts))
    places = [*range(60, 40, -1)]
    told = [*tagger.explain(encoded, places)]
    assert [place for held, _ in told for place in held] == places
    assert max(len(held) for held, _ in told) == 8
    longest = encoded.lengths()
    for held, looked in told:
        shape = (len(held), longest[list(held)].max(), GRID[0])
        assert looked["region_weights"].shape == shape
        assert looked["region_weights"].dtype == np.float32
