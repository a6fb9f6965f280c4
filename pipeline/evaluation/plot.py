"""A plain plot as SVG: panels one above the other that share their horizontal axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 420, 200  # of a panel's axes, in pixels
LEFT, TOP, GAP, KEY = 70, 30, 60, 230  # margins, between panels, for the key on the right
TICKS = 4  # intervals of the vertical axis
# Okabe and Ito 2008: colours that people with any colour vision tell apart. Then dashes begin.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
DASHES = ("none", "6 3", "2 2")


@dataclass(frozen=True)
class Panel:
    """One plot."""

    title: str
    lines: Mapping[str, Mapping[str, float]]  # name -> value of the horizontal axis -> height


def plot(panels: Sequence[Panel], label: str, values: Sequence[str]) -> str:
    """The panels as an SVG document.

    Args:
        panels: from top to bottom; those of one name share a colour.
        label: what the horizontal axis shows.
        values: its values; they stand at their distances if all are numbers, else evenly.
    """
    places = _places(values)
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    height = TOP + len(panels) * (HEIGHT + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + KEY}" height="{height}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for row, panel in enumerate(panels):
        parts += [
            f'<g transform="translate({LEFT} {TOP + row * (HEIGHT + GAP)})">',
            *_axes(panel, label, places),
            *_curves(panel, places, names),
            "</g>",
        ]
    parts += [f'<g transform="translate({LEFT + WIDTH + 20} {TOP + 10})">', *_key(names), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _places(values: Sequence[str]) -> dict[str, float]:
    """Value -> its distance from the left, in pixels."""
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        numbers = [float(place) for place in range(len(values))]
    low, span = min(numbers), (max(numbers) - min(numbers)) or 1.0
    pairs = zip(values, numbers, strict=True)
    return {value: WIDTH * (number - low) / span for value, number in pairs}


def _range(panel: Panel) -> tuple[float, float]:
    """The ends of the vertical axis, with some room above and below the heights."""
    heights = [height for line in panel.lines.values() for height in line.values()] or [0.0]
    room = 0.05 * (max(heights) - min(heights)) or 1.0
    return min(heights) - room, max(heights) + room


def _axes(panel: Panel, label: str, places: Mapping[str, float]) -> Iterator[str]:
    low, high = _range(panel)
    yield f'<text x="0" y="-10" font-weight="bold">{escape(panel.title)}</text>'
    yield f'<path d="M0 0V{HEIGHT}H{WIDTH}" fill="none" stroke="black"/>'
    for tick in range(TICKS + 1):
        y = HEIGHT * (1 - tick / TICKS)
        height = low + (high - low) * tick / TICKS
        yield f'<path d="M-4 {y:.1f}H{WIDTH}" stroke="#ccc"/>'
        yield f'<text x="-8" y="{y + 4:.1f}" text-anchor="end">{height:.1f}</text>'
    for value, x in places.items():
        yield f'<path d="M{x:.1f} {HEIGHT}v4" stroke="black"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT + 18}" text-anchor="middle">{escape(value)}</text>'
    yield f'<text x="{WIDTH / 2}" y="{HEIGHT + 34}" text-anchor="middle">{escape(label)}</text>'


def _curves(panel: Panel, places: Mapping[str, float], names: Sequence[str]) -> Iterator[str]:
    low, high = _range(panel)
    for name, line in panel.lines.items():
        points = [
            (places[value], HEIGHT * (high - line[value]) / (high - low))
            for value in places
            if value in line
        ]
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        style = _style(names.index(name))
        yield f'<polyline points="{drawn}" fill="none" {style}/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" {style}/>' for x, y in points)


def _key(names: Sequence[str]) -> Iterator[str]:
    for place, name in enumerate(names):
        y = 18 * place
        yield f'<path d="M0 {y}H24" {_style(place)}/>'
        yield f'<text x="30" y="{y + 4}">{escape(name)}</text>'


def _style(place: int) -> str:
    dash = DASHES[place // len(COLOURS) % len(DASHES)]
    return f'stroke="{COLOURS[place % len(COLOURS)]}" stroke-width="1.5" stroke-dasharray="{dash}"'
