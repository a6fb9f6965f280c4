"""Runs of a paper's tables tested against each other, pair by pair.

`comparisons.json` holds a list of `{"runs": [FIRST, SECOND], ...}` with what `Comparison.to_dict`
gives: strict F1 of test, the first run's less the second's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.errors import PipelineError
from pipeline.evaluation.comparison import REPLICATES, SEED, compare
from pipeline.evaluation.markdown import markdown_table
from pipeline.files import read_json, write_json
from pipeline.metrics.scores import DECIMALS, Tree

COMPARISONS = "comparisons.json"
PREDICTIONS = "predictions"  # the folder of the runs' predictions
Pair = tuple[str, str]

HEADING = "## Differences\n"
NOTE = """\
The first run's strict F1 of test less the second's. p: approximate randomisation over posts,
two-sided; intervals: bootstrap over posts; {replicates} replicates each. The paper prints neither.
"""


def compare_pairs(pairs: Iterable[Pair], place: Path, posts: Mapping[str, bytes]) -> list[str]:
    """Compare the pairs that can be, and write what is found into the paper's folder `place`.

    Args:
        pairs: first and second run.
        place: the folder, with the predictions of all runs that were ever collected.
        posts: run just collected -> its table of posts; a pair without such a run stays as it is.

    Returns:
        A line for each pair that cannot be compared, with the reason.
    """
    found = read_comparisons(place)
    refused = []
    for pair in pairs:
        fresh = [run for run in pair if run in posts]
        tables = [place / PREDICTIONS / f"{run}.parquet" for run in pair]
        if fresh and all(table.is_file() for table in tables):
            try:
                found[pair] = _compared(tables, posts[fresh[0]])
            except PipelineError as error:
                refused.append(f"{' and '.join(pair)} are not compared: {error}")
    if found:
        rows = [{"runs": list(pair), **found[pair]} for pair in sorted(found)]
        write_json(place / COMPARISONS, rows)
    return refused


def read_comparisons(place: Path) -> dict[Pair, Tree]:
    """What `compare_pairs` wrote into the folder `place`; nothing if it never did."""
    path = place / COMPARISONS
    rows = read_json(path) if path.is_file() else []
    return {(first, second): row for row in rows for first, second in [row.pop("runs")]}


def differences(pairs: Iterable[Pair], place: Path) -> str:
    """The section of a paper's Markdown for those of the `pairs` that were compared, or nothing."""
    found = read_comparisons(place)
    there = [pair for pair in pairs if pair in found]
    if not there:
        return ""
    rows = [["First run", "Second run", "Difference", "Interval", "p"]]
    for pair in there:
        ends = found[pair]["difference"]
        value, low, high = (f"{ends[name]:+.{DECIMALS}f}" for name in ("f1", "low", "high"))
        rows.append([*pair, value, f"{low} to {high}", f"{ends['p']:.2g}"])
    shares = {f"{100 * found[pair]['confidence']:g} %" for pair in there}
    rows[0][3] = f"{', '.join(sorted(shares))} interval"
    return "\n".join(
        [HEADING, markdown_table(rows, left=[0, 1]), NOTE.format(replicates=REPLICATES)]
    )


def _compared(tables: Sequence[Path], posts: bytes) -> Tree:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "posts.parquet"
        path.write_bytes(posts)
        found = compare(
            path, tables, split="test", reading="strict", replicates=REPLICATES, seed=SEED
        )
    return found.to_dict()
