"""The report's plots: learning curves, confusion of types, F1 by groups; all of them plain SVG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from pipeline.report.confusion import NONE
from pipeline.report.drawing import box, drawing, line, markup, text
from pipeline.report.groups import GroupScores

CURVE = (220, 120)  # width and height of a panel, in pixels
CELL = 46  # of a matrix
NAMES = 170  # width of a column of names
BAR, ROW = 110, 22  # the longest bar, and the height of its row


def curve_plot(name: str, seeds: Mapping[str, Sequence[float]], top: float) -> Markup:
    """One curve of one system: a line a seed, by epoch.

    Args:
        name: what the vertical axis shows.
        seeds: the seed's name -> a value for each epoch.
        top: the largest value of the axis, which begins at 0; panels of one row share it.
    """
    width, height = CURVE
    left, right, upper, lower = 34.0, width - 6.0, 8.0, height - 22.0
    epochs = max(len(values) for values in seeds.values())
    root = drawing(width, height, f"{name} by epoch")
    for share in (0.0, 0.5, 1.0):
        y = lower - share * (lower - upper)
        line(root, [(left, y), (right, y)], "grid")
        text(root, left - 4, y + 3.5, f"{share * top:.3g}", "tick end")
    text(root, left, height - 6, "epoch 1", "tick")
    text(root, right, height - 6, str(epochs), "tick end")
    step = (right - left) / max(1, epochs - 1)
    for place, (seed, values) in enumerate(seeds.items()):
        points = [
            (left + step * at, lower - min(value / top if top else 0.0, 1.0) * (lower - upper))
            for at, value in enumerate(values)
        ]
        line(root, points, f"curve c{place % 4}", f"{seed}: {values[-1]:.4g} at its last epoch")
    return markup(root)


def confusion_plot(system: str, pairs: Sequence[tuple[str, str]], types: Sequence[str]) -> Markup:
    """Gold types by row, predicted types by column; a cell's shade is its share of the row."""
    names = [*types, NONE]
    counts = Counter(pairs)
    left, upper = 74.0, 40.0
    size = CELL * len(names)
    root = drawing(left + size + 4, upper + size * 0.6 + 4, f"confusion of types by {system}")
    text(root, left + size / 2, 12, "predicted", "tick middle")
    text(root, left - 8, 30, "gold", "tick end")
    for column, name in enumerate(names):
        text(root, left + CELL * (column + 0.5), 30, name, "label middle")
    height = CELL * 0.6
    for row, gold in enumerate(names):
        y = upper + height * row
        text(root, left - 8, y + height / 2 + 4, gold, "label end")
        total = sum(counts[gold, name] for name in names)
        for column, name in enumerate(names):
            count = counts[gold, name]
            kind = "cell right" if gold == name else "cell"
            cell = box(
                root,
                left + CELL * column,
                y,
                CELL - 2,
                height - 2,
                kind,
                f"gold {gold}, predicted {name}: {count} of {total}",
            )
            cell.set("fill-opacity", f"{0.08 + 0.72 * count / total if count else 0.04:.3g}")
            if not gold == name == NONE:
                place = left + CELL * (column + 0.5) - 1
                text(root, place, y + height / 2 + 3, str(count), "label middle")
    return markup(root)


def group_plot(scores: GroupScores, systems: Sequence[str]) -> Markup:
    """A row a system, and a column of bars for each group."""
    names = scores.grouping.names
    column = BAR + 52
    height = 44 + ROW * len(systems)
    root = drawing(NAMES + column * len(names), height, f"F1 by {scores.grouping.title.lower()}")
    for place, (name, gold) in enumerate(zip(names, scores.gold, strict=True)):
        x = NAMES + column * place
        text(root, x, 14, name, "label strong")
        text(root, x, 30, f"{gold} entities", "tick")
    for row, (system, values) in enumerate(zip(systems, scores.f1, strict=True)):
        y = 40 + ROW * row
        text(root, 0, y + 12, system, "label")
        for place, value in enumerate(values):
            x = NAMES + column * place
            box(root, x, y + 2, BAR, ROW - 9, "track")
            best = value == max(of[place] for of in scores.f1)
            length = BAR * value / 100
            box(root, x, y + 2, length, ROW - 9, "bar best" if best else "bar", f"{value:.2f}")
            text(root, x + BAR + 6, y + 12, f"{value:.1f}", "label strong" if best else "label")
    return markup(root)
