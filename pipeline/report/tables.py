"""What `dvc plots` draws beside the learning curves: a folder of a file a system.

`types/SYSTEM.csv` holds `type,f1`, mean over seeds in percent; `confusion/SYSTEM.csv` a row
`gold,predicted` for each pair of borders that the gold or the first seed has.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.files import write_bytes
from pipeline.metrics.scores import DECIMALS
from pipeline.report.groups import GroupScores


def write_tables(
    folder: Path,
    systems: Sequence[str],
    by_type: GroupScores,
    confused: Mapping[str, Sequence[tuple[str, str]]],
) -> None:
    """Write the tables of each system.

    Args:
        folder: where they go.
        systems: their names, in the order of the scores.
        by_type: F1 by type.
        confused: system -> what `confusions` gives.
    """
    for system, f1 in zip(systems, by_type.f1, strict=True):
        scores = [
            (name, str(round(value, DECIMALS)))
            for name, value in zip(by_type.grouping.names, f1, strict=True)
        ]
        _write(folder / "types" / f"{system}.csv", ("type", "f1"), scores)
        _write(folder / "confusion" / f"{system}.csv", ("gold", "predicted"), confused[system])


def _write(path: Path, header: tuple[str, str], rows: Iterable[tuple[str, str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_bytes(path, text.getvalue().encode())
