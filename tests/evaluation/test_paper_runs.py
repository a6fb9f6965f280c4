"""A small paper of the tests' own: several runs a row, runs that are missing, runs compared."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from cli.compare import main as compare
from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.evaluation import paper
from pipeline.evaluation.paper import commands, read_paper
from pipeline.evaluation.paper_tables import paper_tables
from pipeline.evaluation.runs import collect
from pipeline.training.setting import Setting
from tests.evaluation.conftest import SPOILED, Predict
from tests.evaluation.ended import Experiments, relabelled

PAPER = {
    "title": "Nobody (2000), A Small Paper",
    "corpus": "its own",
    "images": "none",
    "vectors": "its own",
    "seeds": "not said",
    "decimals": 1,
    "runs": {
        "published": {"system": "trimod", "preset": "published"},
        "tuned": {"system": "trimod"},
        "slow": {"system": "trimod", "label": "slow", "needs": "patience"},
        "bare": {"system": "trimod", "label": "untyped", "elsewhere": {"prepare.untyped": True}},
    },
    "comparisons": [["published", "tuned"], ["tuned", "slow"]],
    "tables": [
        {
            "name": "Table 1",
            "columns": {"F1": "strict.overall.f1", "Prec.": "strict.overall.precision"},
            "rows": [{"name": "Theirs", "published": [50, 51], "runs": ["published", "tuned"]}],
        },
        {
            "name": "Table 2",
            "columns": {"F1": "strict.overall.f1", "Prec.": "strict.overall.precision"},
            "rows": [{"name": "Slow", "published": [60, 61], "runs": ["slow", "bare"]}],
        },
    ],
}
PUBLISHED = Setting("published", "sgd 0.1", {"glove50": 50}, {"captions": {"backbone": "vgg16"}})
TUNED = Setting("tuned", "adam 0.002", {"glove50": 50}, {"captions": {"backbone": "vgg16"}})

PRINTED = """\
# Nobody (2000), A Small Paper

|                     | Paper    | Ours                                  |
| ------------------- | -------- | ------------------------------------- |
| Corpus              | its own  | tiny                                  |
| Posts with pictures |          | 2 of 4 of test                        |
| Seeds               | not said | 1                                     |
| Preset              |          | published: published; tuned: tuned    |
| Optimiser           |          | sgd 0.1: published; adam 0.002: tuned |
| Word vectors        | its own  | glove50 (50)                          |
| Backbone            | none     | vgg16                                 |

## Table 1

| Approach | Of              |     F1 |  Prec. |
| -------- | --------------- | -----: | -----: |
| Theirs   | paper           |   50.0 |   51.0 |
|          | ours, published |  75.00 |  75.00 |
|          | ours, tuned     | 100.00 | 100.00 |

## Table 2

| Approach | Of            |             F1 | Prec. |
| -------- | ------------- | -------------: | ----: |
| Slow     | paper         |           60.0 |  61.0 |
|          | ours, slow    | needs patience |     — |
|          | ours, untyped |              — |     — |

"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The paper's name."""
    monkeypatch.setattr(paper, "FOLDER", tmp_path)
    write(tmp_path, PAPER)
    return "small"


def write(folder: Path, tree: object) -> None:
    (folder / "small.yaml").write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")


@pytest.fixture
def ended(tmp_path: Path, posts: Sequence[Post], predict: Predict) -> Experiments:
    (tmp_path / "experiments").mkdir()
    made = Experiments("small", tmp_path / "experiments", posts, predict)
    made.add("published", "trimod", [1], {"test/2": "B-PER I-PER"}, PUBLISHED)
    made.add("tuned", "trimod", [1], {}, TUNED)
    return made


def test_a_row_has_a_line_for_each_of_its_runs(
    small: str, tmp_path: Path, ended: Experiments
) -> None:
    collect(small, tmp_path, ended.read)
    assert paper_tables(small, tmp_path).startswith(PRINTED)


def test_values_elsewhere_are_set_from_the_root(small: str) -> None:
    lines = commands(small, {"published", "tuned"}, [])
    assert lines[1] == "dvc exp run --name small-bare -S prepare.untyped=true evaluate_trimod"
    assert commands(small, {"published", "tuned"}, [], without=["patience"]) == lines[1:]
    with pytest.raises(PipelineError, match=r"'patients' .did you mean 'patience'.*need: patience"):
        commands(small, {}, [], without=["patients"])


def test_only_runs_on_the_same_labels_must_share_a_gold(
    small: str, tmp_path: Path, ended: Experiments, posts: Sequence[Post], predict: Predict
) -> None:
    folder = tmp_path / "experiments"
    bare = relabelled(posts, predict, lambda label: label if label == "O" else f"{label[0]}-ENTITY")
    other = Experiments("small", folder, *bare)
    other.add("bare", "trimod", [1], {"test/1": "B-ENTITY O"}, TUNED)
    ended.files |= other.files
    collect(small, tmp_path, ended.read)
    assert "| ours, untyped | 88.89 | 80.00 |" in squeezed(paper_tables(small, tmp_path))
    other.add("slow", "trimod", [1], {}, TUNED)  # which is not said to be untyped
    ended.files |= other.files
    collect(small, tmp_path, ended.read)
    with pytest.raises(PipelineError, match="cannot share a table"):
        paper_tables(small, tmp_path)


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_pairs_are_compared_as_soon_as_both_are_there(
    small: str, tmp_path: Path, ended: Experiments
) -> None:
    tuned = ended.files.pop("small-tuned")
    collect(small, tmp_path, ended.read)
    assert "Differences" not in paper_tables(small, tmp_path)
    assert not (tmp_path / small / "comparisons.json").exists()
    del ended.files["small-published"]  # whose files were collected
    ended.files["small-tuned"] = tuned
    collect(small, tmp_path, ended.read)
    # One of four posts differs, and swapped or not it leaves the two as far apart: p is 1.
    (pair,) = json.loads((tmp_path / small / "comparisons.json").read_text(encoding="utf-8"))
    assert pair["runs"] == [one["name"] for one in pair["systems"]] == ["published", "tuned"]
    assert (pair["split"], pair["reading"], pair["difference"]["f1"]) == ("test", "strict", -25.0)
    section = paper_tables(small, tmp_path).partition("## Differences")[2]
    assert "| published | tuned | -25.00 | -100.00 to +0.00 | 1 |" in squeezed(section)
    assert "The paper prints neither." in section
    words = [f"--predictions={tmp_path / small}/predictions/{run}.parquet" for run in pair["runs"]]
    posts = f"--posts={tmp_path / 'experiments' / 'posts.parquet'}"
    done = CliRunner().invoke(compare, [*words, posts, "--replicates=50"])
    assert "| published | 75.00 |" in squeezed(done.output), done.output


def test_a_pair_that_cannot_be_compared_is_told(
    small: str, tmp_path: Path, ended: Experiments
) -> None:
    ended.add("slow", "trimod", [1, 2], {}, TUNED)
    told = collect(small, tmp_path, ended.read).splitlines()
    assert told[0].endswith("runs collected: published, tuned, slow")
    assert told[1].startswith("tuned and slow are not compared: ")
    assert "tuned.parquet has 1 seeds" in told[1]
    pairs = json.loads((tmp_path / small / "comparisons.json").read_text(encoding="utf-8"))
    assert [pair["runs"] for pair in pairs] == [["published", "tuned"]]


def test_gold_mentions_are_told_beside_the_score(
    small: str, tmp_path: Path, ended: Experiments
) -> None:
    ended.add("tuned", "trimod", [1], {}, SPOILED)
    collect(small, tmp_path, ended.read)
    text = paper_tables(small, tmp_path)
    assert "| ours, tuned (GOLD MENTIONS) | 100.00" in squeezed(text)
    assert "\ntuned: GOLD MENTIONS: read off the labels, for analysis only" in text
    assert text.count("GOLD MENTIONS") == 2
    assert "| Mentions | | gold |" in squeezed(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"comparisons": [["tuned", "tunned"]]}, r"comparisons: no run 'tunned' \(did you mean"),
        ({"runs": {"published": {"system": "trimod"}}}, "no run "),
        ({"runs": {"tuned": {"system": "trimod", "label": []}}}, "runs.tuned.label"),
    ],
)
def test_a_paper_that_does_not_fit_itself_is_refused(
    small: str, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    write(tmp_path, PAPER | change)
    with pytest.raises(PipelineError, match=message):
        read_paper(small)
