"""Tables and estimates as Markdown that reads well in its source too."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pipeline.metrics.scores import DECIMALS, Estimate


def markdown_table(rows: Sequence[Sequence[str]], left: Collection[int]) -> str:
    """A table whose first row is its heading; the columns `left` are aligned left, as text is."""
    widths = [max(3, *(len(cell) for cell in column)) for column in zip(*rows, strict=True)]
    rule = ["-" * w if n in left else "-" * (w - 1) + ":" for n, w in enumerate(widths)]
    return "".join(
        "| "
        + " | ".join(
            cell.ljust(width) if n in left else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |\n"
        for row in [rows[0], rule, *rows[1:]]
    )


def mean(estimate: Estimate) -> str:
    """The mean alone: `71.23`."""
    return f"{estimate.mean:.{DECIMALS}f}"


def spread(estimate: Estimate) -> str:
    """The mean and, of several seeds, the deviation: `71.23 ± 0.41`."""
    if estimate.deviation is None:
        return mean(estimate)
    return f"{mean(estimate)} ± {estimate.deviation:.{DECIMALS}f}"
