"""Sweeps: the commands of all combinations, the table and the plot of what has been collected."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from cli.sweep import main
from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.evaluation.plot import HEIGHT, WIDTH, Panel, plot
from pipeline.evaluation.scoring import score_system
from pipeline.evaluation.sweep import collect_sweep, sweep_of, write_sweep
from tests.evaluation.conftest import PICTURES, SETTING, SPOILED, Predict

SYSTEM = "attributes_knowledge"
ASKED = ["knowledge.theta=0.7,0.8", "dataset=twitter2015", "knowledge.hops=0,1"]
SWEEP = sweep_of(SYSTEM, ASKED, None)
SVG = "{http://www.w3.org/2000/svg}"
WRONG = {"test/2": "B-PER I-PER"}  # test F1 75

TABLE = """\
# attributes_knowledge, with dataset=twitter2015

| knowledge.theta | knowledge.hops |       Test F1 |        Dev F1 | Posts with knowledge |
| --------------- | -------------- | ------------: | ------------: | -------------------: |
| 0.7             | 0              |  75.00 ± 0.00 | 100.00 ± 0.00 |               10.0 % |
| 0.7             | 1              | 100.00 ± 0.00 | 100.00 ± 0.00 |               30.0 % |
| 0.8             | 0              |             — |             — |                    — |
| 0.8             | 1              | 87.50 ± 17.68 | 100.00 ± 0.00 |                5.0 % |
"""


def run(*words: str) -> Result:
    asked = [word for one in ASKED for word in ("-S", one)]
    return CliRunner().invoke(main, ["--system", SYSTEM, *asked, *words])


class Experiments:
    """What three of the four experiments of `SWEEP` have left."""

    def __init__(self, posts: Sequence[Post], predict: Predict) -> None:
        self.posts = posts
        self.files: dict[str, dict[str, bytes]] = {}
        self.add("0.7-0", [*predict(1, WRONG), *predict(2, WRONG)], {"hop_0": 1})
        self.add("0.7-1", [*predict(1), *predict(2)], {"hop_0": 1, "hop_1": 2})
        self.add("0.8-1", [*predict(1, WRONG), *predict(2)], {"hop_0": 0.5})

    def add(self, name: str, rows: Any, found: Any, **but: Any) -> None:
        named: dict[str, Any] = {"system": SYSTEM, "dataset": "tiny", "setting": SETTING}
        _, details = score_system(self.posts, rows, **named | but, pictures=PICTURES)
        self.files[f"{SYSTEM}-theta-hops-{name}"] = {
            f"metrics/details/{SYSTEM}.json": json.dumps(details).encode(),
            "features/knowledge.json": json.dumps({"found": found, "posts": 10}).encode(),
        }

    def read(self, experiment: str, paths: Sequence[str]) -> dict[str, bytes] | None:
        files = self.files.get(experiment)
        return files and {path: files[path] for path in paths}


@pytest.fixture
def ended(posts: Sequence[Post], predict: Predict) -> Experiments:
    return Experiments(posts, predict)


def test_a_command_for_each_combination(
    tmp_path: Path, ended: Experiments, predict: Predict
) -> None:
    results = ("--results", str(tmp_path))
    lines = run("--commands", *results).output.splitlines()
    name = f"{SYSTEM}-theta-hops"
    assert shlex.split(lines[1]) == [
        *("dvc", "exp", "run", "--name", f"{name}-0.7-1", "-S", "dataset=twitter2015"),
        *("-S", "knowledge.theta=0.7", "-S", "knowledge.hops=1", f"evaluate_{SYSTEM}"),
    ]
    names = [shlex.split(line)[4] for line in lines]
    assert names == [f"{name}-{theta}-{hops}" for theta in ("0.7", "0.8") for hops in (0, 1)]
    collect_sweep(SWEEP, tmp_path, ended.read)
    (line,) = run("--commands", "--queue", *results).output.splitlines()
    assert "exp run --queue --allow-missing --name" in line
    assert "-0.8-0 " in line
    ended.add("0.8-0", predict(1), {})
    collect_sweep(SWEEP, tmp_path, ended.read)
    assert "no run is missing" in run("--commands", *results).output


def test_brackets_keep_their_commas() -> None:
    sweep = sweep_of("trimod", ["train.seeds=[1,2],[3]", "vectors=glove50"], "seeds")
    assert sweep.keys == {"train.seeds": ["[1,2]", "[3]"]}
    assert [sweep.experiment(name) for name in sweep.runs] == ["seeds-1_2", "seeds-3"]
    assert not sweep.knows


def test_the_table(tmp_path: Path, ended: Experiments) -> None:
    told = collect_sweep(SWEEP, tmp_path, ended.read)
    assert told.endswith("attributes_knowledge-theta-hops: runs collected: 0.7-0, 0.7-1, 0.8-1")
    printed = run("--results", str(tmp_path))
    assert printed.output.startswith(TABLE), printed.output
    assert (tmp_path / SWEEP.name / "table.md").read_text(encoding="utf-8") == TABLE


def test_gold_mentions_are_told_beside_the_score(
    tmp_path: Path, ended: Experiments, predict: Predict
) -> None:
    ended.add("0.8-0", predict(1), {}, setting=SPOILED)
    collect_sweep(SWEEP, tmp_path, ended.read)
    text = write_sweep(SWEEP, tmp_path)
    assert "| 100.00 (GOLD MENTIONS) |" in text
    assert "\n0.8-0: GOLD MENTIONS: read off the labels" in text


def test_the_plot_has_a_line_for_each_of_the_other_values(
    tmp_path: Path, ended: Experiments
) -> None:
    collect_sweep(SWEEP, tmp_path, ended.read)
    write_sweep(SWEEP, tmp_path)
    tree = ElementTree.parse(tmp_path / SWEEP.name / "plot.svg")
    texts = [text.text for text in tree.iter(f"{SVG}text")]
    for expected in ("Strict F1 of test, percent", "Posts with knowledge, percent", "0.7", "0.8"):
        assert expected in texts
    assert texts[-2:] == ["knowledge.hops 0", "knowledge.hops 1"]
    lines = [points(line) for line in tree.iter(f"{SVG}polyline")]
    assert [len(line) for line in lines] == [1, 2, 1, 2]  # hops 0 and 1 of both panels


def points(line: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (p.split(",") for p in line.attrib["points"].split())]


def test_numbers_stand_at_their_distances_and_heights() -> None:
    panel = Panel("a < b", {"one": {"0": 0.0, "1": 10.0, "4": 5.0}})
    tree = ElementTree.fromstring(plot([panel], "x", ["0", "1", "4"]))
    (line,) = map(points, tree.iter(f"{SVG}polyline"))
    assert [x for x, _ in line] == [0, WIDTH / 4, WIDTH]
    low, high, middle = (y for _, y in line)
    assert middle == pytest.approx((low + high) / 2) == HEIGHT / 2
    assert low - high == pytest.approx(HEIGHT / 1.1, abs=0.1)  # a twentieth above and below
    words = ElementTree.fromstring(plot([panel], "x", ["0", "1", "x"]).replace("&lt;", "less"))
    (line,) = map(points, words.iter(f"{SVG}polyline"))
    assert [x for x, _ in line] == [0, WIDTH / 2]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((), "nothing to sweep: give a key several values"),
        (("a=1",), "nothing to sweep"),
        (("a=1,1",), "two combinations would have one name"),
    ],
)
def test_what_is_no_sweep_is_refused(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        sweep_of(SYSTEM, overrides, None)
    with pytest.raises(PipelineError, match="did you mean"):
        sweep_of("attribute_knowledge", ["a=1,2"], None)


def test_nothing_and_files_of_another_sweep_are_refused(tmp_path: Path, ended: Experiments) -> None:
    with pytest.raises(PipelineError, match="no experiment of other has run: run them with"):
        collect_sweep(sweep_of(SYSTEM, ASKED, "other"), tmp_path, ended.read)
    assert "| 0.8             | 1              |       — |" in write_sweep(SWEEP, tmp_path)
    collect_sweep(SWEEP, tmp_path, ended.read)
    others = sweep_of(SYSTEM, ["tags.top_k=0.7,0.8", "knowledge.hops=0,1"], SWEEP.name)
    with pytest.raises(PipelineError, match="give this sweep another --name"):
        write_sweep(others, tmp_path)
    (tmp_path / SWEEP.name / "0.7-0.json").write_text("{}", encoding="utf-8")
    assert "not the scores of a run" in run("--results", str(tmp_path)).output
