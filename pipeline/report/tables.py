"""What `dvc plots` draws beside the learning curves: folders of a file a system."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.files import write_bytes
from pipeline.metrics.scores import DECIMALS
from pipeline.report.groups import GroupScores


def write_types(folder: Path, systems: Sequence[str], by_type: GroupScores) -> None:
    """Write `SYSTEM.csv`, `type,f1`, for each system in the order of the scores.

    F1 is the mean over seeds in percent.
    """
    for system, f1 in zip(systems, by_type.f1, strict=True):
        scores = [
            (name, str(round(value, DECIMALS)))
            for name, value in zip(by_type.grouping.names, f1, strict=True)
        ]
        _write(folder / f"{system}.csv", ("type", "f1"), scores)


def write_confusion(folder: Path, confused: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """Write `SYSTEM.csv`, `gold,predicted`, of what `confusions` gives for each system.

    A row is a pair of borders that the gold or the first seed has.
    """
    for system, pairs in confused.items():
        _write(folder / f"{system}.csv", ("gold", "predicted"), pairs)


def _write(path: Path, header: tuple[str, str], rows: Iterable[tuple[str, str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_bytes(path, text.getvalue().encode())
