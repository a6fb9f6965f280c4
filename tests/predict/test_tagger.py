"""The tagger in three lines of Python: labels, places, probabilities, new words, bad posts."""

import json

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.corpus.posts import read_posts
from pipeline.errors import PipelineError
from pipeline.predict import Tagger
from pipeline.training.caches import open_caches
from pipeline.training.model import TrainedModel
from pipeline.training.tagger import Tagger as Reader
from tests.predict.conftest import NEW, Project

TEXTS = ["I saw Anna Smith !", "I saw Rome today", f"I saw {NEW} today"]


@pytest.fixture(scope="module")
def tagger(trained: Project) -> Tagger:
    return Tagger.load(trained.model)


@pytest.mark.parametrize("place", [0, 1])
def test_labels_are_those_of_evaluation(trained: Project, place: int) -> None:
    model = TrainedModel.read(trained.model)
    seed = model.seeds[place]
    reader = Reader.load(model, seed, open_caches((), {}, None), torch.device("cpu"))
    posts = read_posts(trained.path / "features" / "posts.parquet")
    wanted = reader.tag(reader.encode(posts))
    found = Tagger.load(trained.model, seed).predict(
        [{"id": post.post, "tokens": list(post.tokens)} for post in posts]
    )
    assert [row["labels"] for row in found] == wanted
    assert [row["id"] for row in found] == [post.post for post in posts]


def test_entities_have_their_places_and_a_probability(tagger: Tagger) -> None:
    (found,) = tagger.predict(["I saw Anna Smith !"])
    (entity,) = found["entities"]
    assert {**entity, "probability": None} == {
        "start": 6,
        "end": 16,
        "token_start": 2,
        "token_end": 4,
        "type": "PER",
        "text": "Anna Smith",
        "probability": None,
    }
    assert 0 < entity["probability"] <= 1


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["Anna", "Rome", "I saw", "\u05d0\u05d1", "\N{WAVING HAND SIGN}"]),
            st.sampled_from(["\u0301", "\u00a0", "\r\n", "\u200d", "\u202e", " ", "'s"]),
            st.text(max_size=4),
        ),
        max_size=12,
    )
)
def test_the_text_at_an_entitys_place_is_the_entity(tagger: Tagger, parts: list[str]) -> None:
    text = "I saw Anna " + "".join(parts)
    (found,) = tagger.predict([text])
    assert found["text"] == text
    for entity in found["entities"]:
        assert text[entity["start"] : entity["end"]] == entity["text"]
        first, last = entity["token_start"], entity["token_end"]
        assert entity["text"].startswith(found["tokens"][first])
        assert entity["text"].endswith(found["tokens"][last - 1])


def test_a_new_word_has_the_row_of_its_vector(tagger: Tagger, trained: Project) -> None:
    """`zanzibar` has the vector of `rome`, and its row is that vector, not `<unk>`'s."""
    tagger.predict(["I saw Anna today"])
    network = tagger._networks[0]
    before = network.text.words.lookup.weight.shape[0]
    tagger.predict([f"I saw {NEW} and qqqq"])
    rows = network.text.words.lookup.weight
    assert rows.shape[0] == before + 1  # qqqq is in no source
    source = (trained.path / "features" / "tiny.txt").read_text()
    wanted = next(line for line in source.splitlines() if line.startswith(NEW.lower()))
    torch.testing.assert_close(rows[-1], torch.tensor([float(x) for x in wanted.split()[1:]]))


def test_all_seeds_vote_with_the_mean_probability(trained: Project) -> None:
    first, second, both = (
        Tagger.load(trained.model, seed).predict(TEXTS) for seed in (1, 2, "all")
    )
    agreed = 0
    for one, other, voted in zip(first, second, both, strict=True):
        if one["labels"] == other["labels"]:
            assert voted["labels"] == one["labels"]
            for a, b, mean in zip(
                one["entities"], other["entities"], voted["entities"], strict=True
            ):
                wanted = (a["probability"] + b["probability"]) / 2
                assert mean["probability"] == pytest.approx(wanted, abs=2e-6)
                agreed += 1
    assert agreed


def test_bad_posts_give_errors_and_the_others_their_entities(tagger: Tagger) -> None:
    long, wide = "a b " * 2500, "x" * 10_000
    found = tagger.predict(
        ["", "\N{WAVING HAND SIGN}", "I saw Anna " + wide, long, 3, "I saw Anna"]  # type: ignore[list-item]
    )
    assert ["error" in row for row in found] == [True, False, False, True, True, False]
    assert "5000 tokens" in found[3]["error"]
    assert [entity["text"] for entity in found[5]["entities"]] == ["Anna"]
    json.dumps(found)


def test_explained_tells_what_a_text_system_has_none_of(tagger: Tagger) -> None:
    (found,) = tagger.predict(["I saw Anna"], explained=True)
    assert found["explained"] == {"looked": {}}


def test_an_unknown_seed_is_one_sentence(trained: Project) -> None:
    with pytest.raises(PipelineError, match=r"no seed 9, only 1, 2"):
        Tagger.load(trained.model, 9)


def test_a_folder_of_something_else_is_one_sentence(trained: Project) -> None:
    with pytest.raises(PipelineError, match="neither"):
        Tagger.load(trained.path)


def test_a_source_that_params_lack_is_one_sentence(project: Project) -> None:
    params = project.path / "params.yaml"
    params.write_text(params.read_text().replace("    tiny:\n", "    other:\n"))
    with pytest.raises(PipelineError, match=r"vectors\.sources lacks 'tiny'"):
        Tagger.load(project.model)
