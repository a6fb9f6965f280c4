"""What the report gathers: against the corpus, against other modules, and by hand."""

import base64
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.reported import SYSTEMS, Project
from pipeline.corpus.posts import Post, read_posts
from pipeline.corpus.thumbnails import thumbnail_of
from pipeline.errors import PipelineError
from pipeline.evaluation.explanations import read_explanations, tabulate
from pipeline.evaluation.predictions import read_predictions
from pipeline.files import read_json, write_json
from pipeline.metrics.significance import bootstrap_f1, randomization_test
from pipeline.metrics.spans import Span, strict_spans
from pipeline.report.confusion import NONE, confusions
from pipeline.report.files import ReportFiles
from pipeline.report.groups import groupings, score_groups, seen_surfaces
from pipeline.report.looked import CHUNK, entries
from pipeline.report.pictures import region_cover
from pipeline.report.ranking import rank
from pipeline.report.report import write_report
from pipeline.report.systems import Looked, Tagged, read_systems
from pipeline.tables.parquet import write_table


def embedded(files: ReportFiles, name: str) -> str:
    found = re.search(rf'<script [^>]*id="{name}">(.*?)</script>', files.page.read_text("utf-8"))
    assert found is not None
    return found[1]


def unpacked(files: ReportFiles, name: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(embedded(files, name))))


@pytest.fixture(scope="session")
def systems(files: ReportFiles) -> list[Tagged]:
    return read_systems(files, read_posts(files.posts), "test")


@pytest.fixture(scope="session")
def tested(files: ReportFiles) -> list[Post]:
    return [post for post in read_posts(files.posts) if post.split == "test"]


def test_equal_caches_give_an_equal_page_wherever_they_lie(
    files: ReportFiles, own: ReportFiles
) -> None:
    told = write_report(own, "test")
    assert own.page.read_bytes() == files.page.read_bytes()
    assert f"{len(SYSTEMS)} systems" in told
    text = own.page.read_text("utf-8")
    assert str(own.posts.parents[1]) not in text
    assert not re.search(r"https?://(?!x/)", text)
    for folder, other in ((own.types, files.types), (own.confusion, files.confusion)):
        assert {path.name for path in folder.iterdir()} == {f"{name}.csv" for name in SYSTEMS}
        for path in folder.iterdir():
            assert path.read_bytes() == (other / path.name).read_bytes()


def test_the_page_holds_the_gold_and_what_the_first_seed_said(
    files: ReportFiles, tested: list[Post]
) -> None:
    data = unpacked(files, "data")
    everything = read_posts(files.posts)
    assert [row["tokens"] for row in data["posts"]] == [list(post.tokens) for post in tested]
    for row, post in zip(data["posts"], tested, strict=True):
        gold = []
        for start, end, kind, unseen in np.reshape(row["gold"], (-1, 4)):
            gold.append(Span(start, end, data["types"][kind]))
            words = " ".join(post.tokens[start:end])
            assert unseen == (words.casefold() != "paris")  # the one entity of train
        assert gold == strict_spans(post.labels)
    for place, name in enumerate(data["systems"]):
        predictions = read_predictions(files.predictions / f"{name}.parquet", everything)
        first = {p.post: p.predicted for p in predictions if p.seed == 3}
        for row in data["posts"]:
            found = [
                Span(start, end, data["types"][kind])
                for start, end, kind in np.reshape(row["found"][place], (-1, 3))
            ]
            assert found == strict_spans(first[row["id"]])


def test_weights_come_back_within_half_a_step(files: ReportFiles, tested: list[Post]) -> None:
    data = unpacked(files, "data")
    for system, name in enumerate(data["systems"]):
        table = read_explanations(files.predictions / "explanations" / f"{name}.parquet")
        told = {(r["post"], r["kind"], r["token"]): r["values"] for r in table.to_pylist()}
        count = 0
        for chunk in range(-(-len(tested) // CHUNK)):
            for post, found in unpacked(files, f"looked-{chunk}").items():
                assert int(post) // CHUNK == chunk
                for at, kind, tokens, width, largest, content in found:
                    if at != system:
                        continue
                    values = np.frombuffer(base64.b64decode(content), np.uint8).reshape(-1, width)
                    count += len(tokens)
                    for token, row in zip(tokens, values, strict=True):
                        wanted = np.array(told[tested[int(post)].post, kind, token])
                        if kind == "fusion_gate":  # a value a feature
                            low, high = np.percentile(wanted, [10, 90])
                            wanted = np.array([low, wanted.mean(), high])
                        assert np.abs(row / 255 * largest - wanted).max() <= largest * 0.0025
        assert count == len(told)


def test_a_token_without_values_stays_out() -> None:
    post = Post("test/0", "test", None, ("a", "b", "c"), ("O", "O", "O"), 1)
    values = np.array([[[np.nan], [0.5], [0.25]]], np.float32)
    found = list(entries(Looked(tabulate([post], 1, {"gate": values}), {})))
    assert found == [("test/0", ["gate", [1, 2], 1, 0.5, base64.b64encode(b"\xff\x80").decode()])]
    empty = Looked(tabulate([post], 1, {}), {})
    assert list(entries(empty)) == []


def test_groups_by_type_are_those_of_the_scores(systems: list[Tagged], tested: list[Post]) -> None:
    by_type = groupings(["LOC", "ORG", "OTHER", "PER", "NEVER"], set(), {})[0]
    scores = score_groups(by_type, tested, systems)
    assert scores.grouping.names == ["LOC", "ORG", "OTHER", "PER"]  # without gold, no score
    for system, f1 in zip(systems, scores.f1, strict=True):
        table = system.result.splits["test"].aggregate.strict.by_type
        assert f1 == pytest.approx([table[name].f1.mean for name in scores.grouping.names])
        assert list(scores.gold) == [table[name].gold for name in scores.grouping.names]


def test_groups_by_hand() -> None:
    train = Post("train/0", "train", None, ("New", "York"), ("B-LOC", "I-LOC"), 1)
    seen = seen_surfaces([train])
    post = Post("test/0", "test", "a", ("new", "YORK", "x", *"y" * 8), ("O",) * 11, 1)
    of = {grouping.title: grouping.of for grouping in groupings([], seen, {"a"})}
    assert of["Entity in train"](post, Span(0, 2, "ORG")) == "seen"
    assert of["Entity in train"](post, Span(0, 1, "LOC")) == "unseen"
    assert of["Post's picture"](post, Span(0, 1, "LOC")) == "with picture"
    assert of["Post's length in tokens"](post, Span(0, 1, "LOC")) == "11–15"
    short = Post("test/1", "test", "b", ("x",) * 10, ("O",) * 10, 1)
    assert of["Post's picture"](short, Span(0, 1, "LOC")) == "without"
    assert of["Post's length in tokens"](short, Span(0, 1, "LOC")) == "1–10"


def test_confusions_by_hand() -> None:
    gold = [[Span(0, 2, "PER"), Span(3, 4, "LOC")], [Span(0, 1, "ORG")]]
    found = [[Span(0, 2, "ORG"), Span(4, 5, "LOC")], [Span(0, 1, "ORG")]]
    assert confusions(gold, found) == [
        ("PER", "ORG"),
        ("LOC", NONE),
        (NONE, "LOC"),
        ("ORG", "ORG"),
    ]


def test_neighbours_are_tested_if_they_have_as_many_seeds(
    systems: list[Tagged], own: ReportFiles, project: Project
) -> None:
    rows = rank(systems, replicates=200)
    assert [row.name for row in rows] == [system.name for system in systems]
    values = [row.f1.value for row in rows]
    assert values == sorted(values, reverse=True)
    for i, row in enumerate(rows):
        assert row.f1 == bootstrap_f1(systems[i].counts, replicates=200)
        if row.next is not None:
            pair = systems[i].counts, systems[i + 1].counts
            assert row.next.test == randomization_test(*pair, replicates=200)
    assert [row.next is None for row in rows] == [False] * (len(rows) - 1) + [True]
    only = Project(own, project.posts, np.random.default_rng(1))
    only._write_system(systems[1].name, 0.2, [3])
    again = read_systems(own, read_posts(own.posts), "test")
    one = next(i for i, system in enumerate(again) if len(system.found) == 1)
    untested = [i for i, row in enumerate(rank(again, 50)) if row.next and row.next.test is None]
    assert untested == [i for i in (one - 1, one) if 0 <= i < len(again) - 1]
    write_report(own, "test")
    assert "other seeds" in own.page.read_text("utf-8")


def test_the_order_is_that_of_the_leaderboard(own: ReportFiles) -> None:
    write_report(own, "dev")
    scores = {
        name: read_json(own.details / f"{name}.json")["splits"]["dev"]["over_seeds"]["strict"]
        for name in unpacked(own, "data")["systems"]
    }
    values = [tree["overall"]["f1"]["mean"] for tree in scores.values()]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(
    ("said", "cover"),
    [
        ("shorter side 256 bicubic, centre 224, RGB / 255, mean 0, std 1", 0.875),
        ("stretched to 224 x 224 bilinear, RGB / 255, mean 0, std 1", 0.0),
    ],
)
def test_the_part_of_a_picture_that_regions_cover(tmp_path: Path, said: str, cover: float) -> None:
    store = tmp_path / "store.json"
    write_json(store, {"fingerprint": {"preprocessing": said}})
    assert region_cover(store) == cover
    write_json(store, {"fingerprint": {"preprocessing": "seen from afar"}})
    with pytest.raises(PipelineError, match=r"store\.json: preprocessing 'seen from afar'"):
        region_cover(store)


def test_the_seed_is_the_one_whose_weights_are_known(own: ReportFiles, project: Project) -> None:
    """Seeds are trained in the order of `train.seeds`, of which the first need not be smallest."""
    Project(own, project.posts, np.random.default_rng(1))._write_system("trimod", 0.5, [9, 2])
    system = next(s for s in read_systems(own, project.posts, "test") if s.name == "trimod")
    assert system.first == system.found[9] != system.found[2]


def rewritten(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    table = pq.read_table(path)
    write_table(change(table).replace_schema_metadata(table.schema.metadata), path)


@pytest.mark.parametrize(
    ("file", "change", "complaint"),
    [
        (
            "predictions/explanations/trimod.parquet",
            lambda table: table.set_column(1, table.field("seed"), pa.array([7] * len(table))),
            "of other posts or seeds than the predictions; run `dvc repro evaluate_trimod`",
        ),
        (
            "features/images.parquet",
            lambda table: table.slice(4),  # but for dev's and the first of test
            r"has no row for test_00: of another corpus; run `dvc repro`",
        ),
        (
            "features/knowledge.parquet",
            lambda table: table.drop_columns(["path", "hop"]),
            "lacks path, hop; run `dvc repro knowledge`",
        ),
        ("features/tags.parquet", lambda table: table.slice(1), "has no row for [0-9a-f]{64}: "),
    ],
)
def test_what_does_not_fit_is_named(
    own: ReportFiles, file: str, change: Callable[[pa.Table], pa.Table], complaint: str
) -> None:
    path = own.posts.parents[1] / file
    rewritten(path, change)
    with pytest.raises(PipelineError, match=f"{path.name}: {complaint}"):
        write_report(own, "test")


@pytest.mark.parametrize("content", ["", "step\tloss\n", "step\tdev_f1\n0\tmany\n"])
def test_curves_that_are_none(own: ReportFiles, content: str) -> None:
    curve = own.curves / "cwi" / "seed-3" / "plots" / "metrics" / "dev_f1.tsv"
    curve.write_text(content, encoding="utf-8")
    with pytest.raises(PipelineError, match=r"curves/cwi: .*run `dvc repro train_cwi`"):
        write_report(own, "test")


def test_what_is_missing_is_named(own: ReportFiles) -> None:
    picture = next(own.thumbnails.iterdir())
    content = picture.read_bytes()
    picture.unlink()
    with pytest.raises(PipelineError, match=rf"{picture.name}: no such thumbnail; run the stage"):
        write_report(own, "test")
    picture.write_bytes(content)
    assert thumbnail_of(picture.stem, own.thumbnails) == picture
    explanations = own.predictions / "explanations" / "cwi.parquet"
    explanations.unlink()
    with pytest.raises(PipelineError, match=r"explanations/cwi\.parquet: no such file"):
        write_report(own, "test")
    assert not own.page.exists()


def test_dvc_draws_the_types_and_the_confusion(files: ReportFiles, systems: list[Tagged]) -> None:
    for system in systems:
        lines = (files.types / f"{system.name}.csv").read_text("utf-8").splitlines()
        table = system.result.splits["test"].aggregate.strict.by_type
        assert lines == ["type,f1"] + [
            f"{name},{round(summary.f1.mean, 2)}" for name, summary in table.items() if summary.gold
        ]
        header, *rows = (files.confusion / f"{system.name}.csv").read_text("utf-8").split()
        assert header == "gold,predicted"
        right = sum(gold == found for gold, found in (row.split(",") for row in rows))
        assert right == system.counts[0, :, 0].sum()


def test_a_table_of_values_may_be_cut_into_chunks() -> None:
    """As pyarrow reads long tables."""
    post = Post("test/0", "test", None, ("a", "b"), ("O", "O"), 1)
    parts = [tabulate([post], 1, {kind: np.ones((1, 2, 1), np.float32)}) for kind in ("x", "y")]
    found = dict(entry[:2] for _, entry in entries(Looked(pa.concat_tables(parts), {})))
    assert found == {"x": [0, 1], "y": [0, 1]}
