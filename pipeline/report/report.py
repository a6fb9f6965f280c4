"""The stage `report`: everything that was found, on one page that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from pipeline.corpus.images import read_images, usable
from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.evaluation.leaderboard import Split
from pipeline.files import write_bytes
from pipeline.metrics.spans import strict_spans
from pipeline.report.cards import card_data
from pipeline.report.confusion import confusions
from pipeline.report.files import ReportFiles
from pipeline.report.groups import groupings, score_groups, seen_surfaces
from pipeline.report.looked import looked_chunks
from pipeline.report.pack import coded, packed
from pipeline.report.page import render
from pipeline.report.pictures import Pictures, extents
from pipeline.report.plots import confusion_plot, curve_plot, group_plot
from pipeline.report.ranking import rank
from pipeline.report.systems import CURVES, SPLIT, Tagged, read_systems
from pipeline.report.tables import write_confusion, write_types


def write_report(files: ReportFiles, order_by: Split) -> str:
    """Gather what the caches and predictions hold, and write the page and DVC's tables.

    Equal caches give an equal page, byte for byte.

    Args:
        files: read and written.
        order_by: the split whose strict F1 orders the systems, as on the leaderboard.

    Returns:
        One line that says what the page holds.

    Raises:
        PipelineError: naming the file, if one is missing, damaged, or fits no other.
    """
    everything = read_posts(files.posts)
    posts = [post for post in everything if post.split == SPLIT]
    if not posts:
        raise PipelineError(f"{files.posts}: the split {SPLIT} has no post to show")
    systems = read_systems(files, everything, order_by)
    seen = seen_surfaces(everything)
    types = _types(posts, systems)
    pictured = usable(read_images(files.images))
    groups = [
        score_groups(grouping, posts, systems) for grouping in groupings(types, seen, pictured)
    ]
    gold = [strict_spans(post.labels) for post in posts]
    names = [system.name for system in systems]
    confused = {system.name: confusions(gold, system.first) for system in systems}
    pictures = Pictures()
    cards = card_data(files, posts, systems, types, seen, pictures)
    jpegs = pictures.contents()
    data = packed(cards | {"pictures": extents(jpegs)})
    values = {
        "dataset": systems[0].result.dataset,
        "posts": len(posts),
        "entities": sum(len(spans) for spans in gold),
        "types": types,
        "systems": names,
        "rows": rank(systems),
        "curves": _curves(systems),
        "confusion": [(name, confusion_plot(name, confused[name], types)) for name in confused],
        "groups": [(scores.grouping.title, group_plot(scores, names)) for scores in groups],
    }
    looked = looked_chunks(posts, [system.looked for system in systems])
    page = render(files.web, values, data, looked, list(map(coded, jpegs))).encode()
    write_types(files.types, names, groups[0])
    write_confusion(files.confusion, confused)
    write_bytes(files.page, page)
    return (
        f"{files.page}: {len(posts)} posts, {len(systems)} systems, {len(page) / 1e6:.1f} MB,"
        " opens in any browser"
    )


def _types(posts: Sequence[Post], systems: Sequence[Tagged]) -> list[str]:
    """The types of gold and predicted entities, by name."""
    gold = {span.type for post in posts for span in strict_spans(post.labels)}
    found = {span.type for system in systems for spans in system.first for span in spans}
    return sorted(gold | found)


def _curves(systems: Sequence[Tagged]) -> list[tuple[str, list[tuple[str, Markup]]]]:
    """The title of each curve, and the name and the plot of each system."""
    plots = []
    for curve, title in CURVES.items():
        highest = {s.name: max(map(max, s.curves[curve].values())) for s in systems}
        if curve == "dev_f1":  # which systems share, unlike their losses
            shared = min(100.0, 10 * math.ceil(max(highest.values()) / 10))
            highest = dict.fromkeys(highest, shared)
        panels = [(s.name, curve_plot(title, s.curves[curve], highest[s.name])) for s in systems]
        plots.append((title, panels))
    return plots
