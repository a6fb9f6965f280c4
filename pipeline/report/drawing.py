"""Plain SVG: elements that escape their text, with colours left to the page's style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from markupsafe import Markup


def drawing(width: float, height: float, title: str) -> Element:
    """An empty picture; `title` is what a screen reader says of it."""
    root = Element("svg", {"viewBox": f"0 0 {width:g} {height:g}", "role": "img"})
    root.set("width", f"{width:g}")
    root.set("aria-label", title)
    return root


def text(parent: Element, x: float, y: float, content: str, kind: str) -> None:
    """Words at a place; `kind` is a class of the style sheet."""
    SubElement(parent, "text", {"x": f"{x:g}", "y": f"{y:g}", "class": kind}).text = content


def box(
    parent: Element, x: float, y: float, width: float, height: float, kind: str, tip: str = ""
) -> Element:
    """A rectangle; `tip` is shown when the pointer rests on it."""
    size = {"x": x, "y": y, "width": max(0.0, width), "height": height}
    attributes = {name: f"{value:.5g}" for name, value in size.items()}
    drawn = SubElement(parent, "rect", attributes | {"class": kind})
    if tip:
        SubElement(drawn, "title").text = tip
    return drawn


def line(parent: Element, points: Sequence[tuple[float, float]], kind: str, tip: str = "") -> None:
    """A line through points; a single one is a dot."""
    if len(points) == 1:
        (x, y), size = points[0], {"r": "2.5", "class": f"{kind} dot"}
        drawn = SubElement(parent, "circle", {"cx": f"{x:.5g}", "cy": f"{y:.5g}", **size})
    else:
        through = " ".join(f"{x:.5g},{y:.5g}" for x, y in points)
        drawn = SubElement(parent, "polyline", {"points": through, "class": kind})
    if tip:
        SubElement(drawn, "title").text = tip


def markup(root: Element) -> Markup:
    """The picture as text of a page: whatever the words in it, they stay words."""
    return Markup(ElementTree.tostring(root, encoding="unicode"))
