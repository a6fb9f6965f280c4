"""All systems of a corpus in one Markdown table, and the settings that they were trained in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pipeline.errors import PipelineError
from pipeline.evaluation.markdown import markdown_table, mean, spread
from pipeline.evaluation.results import Result, check_same_corpus, read_result
from pipeline.evaluation.settings import NOTHING, cautions, described, flag, titles
from pipeline.files import write_bytes
from pipeline.metrics.scores import DECIMALS, Summary

Split = Literal["dev", "test"]

NOTE = """\
Scores are percent, means over the seeds, ± the sample deviation where there are several. F1,
precision (P), recall (R) and the F1 of each type are of test and strict: an entity opens at B-.
Lenient F1 counts entities as conlleval does; segmentation F1 compares borders alone. Systems whose
score is equal as printed share a rank.
"""


def write_leaderboard(paths: Sequence[Path], table: Path, order_by: Split) -> str:
    """Read the details of every system and write the leaderboard.

    Args:
        paths: the details of each system (`pipeline.evaluation.results`).
        table: the Markdown file written.
        order_by: the split whose strict F1 orders the systems; the scores shown are of test
            either way, so that a choice made on dev can be read off without looking at test.

    Returns:
        One line that says how many systems stand in the table, and which is first.

    Raises:
        PipelineError: naming the file, if one is missing or damaged, holds a system that another
            holds too, or was scored on another corpus than the first.
    """
    ranked = read_ranked(paths, order_by)
    write_bytes(table, _render(ranked, order_by).encode())
    best = ranked[0][1]
    score = spread(_strict(best, order_by).f1)
    return f"{table}: systems: {len(ranked)}; first: {best.system}, {order_by} F1 {score}"


def read_ranked(paths: Sequence[Path], order_by: Split) -> list[tuple[int, Result]]:
    """Read the details of every system: rank and result, in the order of the leaderboard.

    Raises:
        PipelineError: as `write_leaderboard`.
    """
    if not paths:
        raise PipelineError("no system to put in a table: give the details of one at least")
    results = [read_result(path) for path in paths]
    _check(paths, results)
    return _ranked(results, order_by)


def _check(paths: Sequence[Path], results: Sequence[Result]) -> None:
    places: dict[str, Path] = {}
    for path, result in zip(paths, results, strict=True):
        if result.system in places:
            raise PipelineError(
                f"{path}: system {result.system!r} stands in {places[result.system]} already"
            )
        places[result.system] = path
    check_same_corpus({str(path): result for path, result in zip(paths, results, strict=True)})


def _ranked(results: Sequence[Result], order_by: Split) -> list[tuple[int, Result]]:
    """Best first; equals share a rank and stand by name: 1, 2, 2, 4."""
    scores = {r.system: round(_strict(r, order_by).f1.mean, DECIMALS) for r in results}
    ordered = sorted(results, key=lambda r: (-scores[r.system], r.system))
    return [
        (1 + sum(score > scores[result.system] for score in scores.values()), result)
        for result in ordered
    ]


def _render(ranked: Sequence[tuple[int, Result]], order_by: Split) -> str:
    result = ranked[0][1]
    test = result.splits["test"]
    by_type = test.aggregate.strict.by_type
    support = {name: summary.gold for name, summary in by_type.items() if summary.gold}
    shares = ", ".join(f"{name} {gold}" for name, gold in support.items()) or "no type"
    head = (
        f"# Leaderboard: {result.dataset}\n\n"
        f"Test: {test.posts} posts, {sum(support.values())} entities ({shares}).\n"
        f"Systems stand by their strict F1 on {order_by}.\n"
    )
    scores = markdown_table(_cells(ranked, list(support)), left=[1])
    warned = cautions({found.system: found.setting for _, found in ranked})
    return "\n".join([head, scores, NOTE + warned, "## Settings\n", _settings(ranked)])


def _cells(ranked: Sequence[tuple[int, Result]], types: Sequence[str]) -> list[list[str]]:
    """The heading and a row a system."""
    rows = [["Rank", "System", "F1", "P", "R", *types, "Lenient F1", "Segmentation F1"]]
    rows[0] += ["Dev F1", "Seeds"]
    for rank, result in ranked:
        test = result.splits["test"].aggregate
        strict = test.strict.overall
        rows.append(
            [
                str(rank),
                f"{result.system}{flag(result.setting)}",
                spread(strict.f1),
                mean(strict.precision),
                mean(strict.recall),
                *(mean(test.strict.by_type[name].f1) for name in types),
                mean(test.lenient.overall.f1),
                mean(test.segmentation.overall.f1),
                spread(_strict(result, "dev").f1),
                str(len(result.seeds)),
            ]
        )
    return rows


def _settings(ranked: Sequence[tuple[int, Result]]) -> str:
    """A row a system, and a column for each thing that a setting of them says."""
    columns = titles(result.setting for _, result in ranked)
    rows = [["System", *columns]]
    for _, result in ranked:
        said = described(result.setting)
        rows.append([result.system, *(said.get(title, NOTHING) for title in columns)])
    return markdown_table(rows, left=range(len(rows[0])))


def _strict(result: Result, split: Split) -> Summary:
    return result.splits[split].aggregate.strict.overall
