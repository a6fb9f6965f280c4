"""F1 of groups of entities: by type, seen and unseen, with and without a picture, by length.

Gold and predicted entities fall into a group by the same rule, so that precision, recall and F1 are
defined within it. An entity is seen if its words, whatever their case and its type, are an entity
of train (surface forms as in Augenstein, Derczynski and Bontcheva 2017, "Generalisation in named
entity recognition").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from pipeline.corpus.posts import Post
from pipeline.metrics.scores import Counts
from pipeline.metrics.spans import Span, strict_spans
from pipeline.report.systems import Tagged

LENGTHS = (10, 15, 20)  # the longest posts, in tokens, of all groups but the last


@dataclass(frozen=True)
class Grouping:
    """One way of parting entities into groups, which stand in `names`."""

    title: str
    names: Sequence[str]
    of: Callable[[Post, Span], str]


@dataclass(frozen=True)
class GroupScores:
    """The F1 of each system, mean over seeds in percent, in each group."""

    grouping: Grouping
    gold: Sequence[int]  # entities in each group
    f1: Sequence[Sequence[float]]  # by system, by group


def surface(post: Post, span: Span) -> str:
    """The words of an entity, as they are compared."""
    return " ".join(post.tokens[span.start : span.end]).casefold()


def seen_surfaces(posts: Sequence[Post]) -> set[str]:
    """The surfaces of the entities of train."""
    train = (post for post in posts if post.split == "train")
    return {surface(post, span) for post in train for span in strict_spans(post.labels)}


def groupings(
    types: Sequence[str], seen: Collection[str], pictured: Collection[str | None]
) -> list[Grouping]:
    """The ways in which the report parts entities.

    Args:
        types: of the entities.
        seen: `seen_surfaces`.
        pictured: the ids of images that can be used.
    """
    ends = [0, *LENGTHS]
    lengths = [f"{a + 1}–{b}" for a, b in pairwise(ends)]
    lengths.append(f"{LENGTHS[-1] + 1} and more")

    def length(post: Post, _: Span) -> str:
        return lengths[sum(len(post.tokens) > end for end in LENGTHS)]

    return [
        Grouping("Type", types, lambda _, span: span.type),
        Grouping(
            "Entity in train",
            ("seen", "unseen"),
            lambda post, span: "seen" if surface(post, span) in seen else "unseen",
        ),
        Grouping(
            "Post's picture",
            ("with picture", "without"),
            lambda post, _: "with picture" if post.image in pictured else "without",
        ),
        Grouping("Post's length in tokens", lengths, length),
    ]


def score_groups(
    grouping: Grouping, posts: Sequence[Post], systems: Sequence[Tagged]
) -> GroupScores:
    """Score every system on the posts of test within each group; groups without gold stay out."""

    def tally(spans: Sequence[Collection[Span]]) -> Counter[str]:
        pairs = zip(posts, spans, strict=True)
        return Counter(grouping.of(post, span) for post, of_post in pairs for span in of_post)

    gold = [strict_spans(post.labels) for post in posts]
    support = tally(gold)
    names = [name for name in grouping.names if support[name]]

    def f1(found: Sequence[Sequence[Span]]) -> list[float]:
        right = [set(a) & set(b) for a, b in zip(gold, found, strict=True)]
        correct, predicted = tally(right), tally(found)
        return [Counts(correct[name], predicted[name], support[name]).f1 for name in names]

    by_seed = [[f1(found) for found in system.found.values()] for system in systems]
    means = [[fmean(values) for values in zip(*seeds, strict=True)] for seeds in by_seed]
    kept = Grouping(grouping.title, names, grouping.of)
    return GroupScores(kept, [support[name] for name in names], means)
