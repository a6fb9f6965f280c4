"""Find the small faults of a corpus, which are read as they stand but which people should know of.

Nothing here changes a post. The published corpora have all of these faults, and results stay
comparable only if everybody keeps them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from pipeline.corpus.bio import OUTSIDE, orphans, split_label, type_changes
from pipeline.corpus.normalize import is_invisible
from pipeline.corpus.posts import SPLITS, Post

PUBLISHED_LENGTH = 35  # the co-attention paper cuts posts here; this pipeline never does

MEANING = {
    "orphan": "I- labels after O: strict scoring sees no entity there",
    "type_change": "I- labels after a label of another type",
    "invisible": "tokens of which nothing is seen",
    "long": f"posts longer than {PUBLISHED_LENGTH} tokens, which some published systems cut",
    "duplicate": "posts that repeat a post of another split",
    "unseen_type": "entity types that a split lacks",
}
KINDS = tuple(MEANING)


@dataclass(frozen=True)
class Finding:
    """One small fault of a post, which begins at `line` of its file, or of a whole split."""

    kind: str
    split: str
    post: str
    line: int
    text: str

    def __str__(self) -> str:
        where = f"{self.post} (line {self.line})" if self.post else self.split
        return f"{where}: {self.text}"


def lint(posts: Sequence[Post], entity_types: Collection[str]) -> list[Finding]:
    """List the small faults of each post, then those between splits.

    Args:
        posts: the posts of all splits.
        entity_types: the types that the corpus is said to have.
    """
    return [
        *(finding for post in posts for finding in _in_post(post)),
        *_duplicates(posts),
        *_types(posts, entity_types),
    ]


def _in_post(post: Post) -> Iterator[Finding]:
    def finding(kind: str, text: str, token: int | None = None) -> Finding:
        where = "" if token is None else f"token {token + 1} {post.tokens[token]!r}: "
        return Finding(kind, post.split, post.post, post.line, where + text)

    for at in orphans(post.labels):
        before = OUTSIDE if at else "nothing"
        yield finding("orphan", f"{post.labels[at]} after {before}", at)
    for at in type_changes(post.labels):
        yield finding("type_change", f"{post.labels[at]} after {post.labels[at - 1]}", at)
    for at, token in enumerate(post.tokens):
        if is_invisible(token):
            yield finding("invisible", "nothing of it is seen", at)
    if len(post.tokens) > PUBLISHED_LENGTH:
        yield finding("long", f"{len(post.tokens)} tokens")


def _duplicates(posts: Sequence[Post]) -> Iterator[Finding]:
    """Find each post whose tokens an earlier split has too."""
    first: dict[tuple[str, ...], Post] = {}
    for post in sorted(posts, key=lambda post: SPLITS.index(post.split)):
        earlier = first.setdefault(post.tokens, post)
        if earlier.split != post.split:
            labels = "the same labels" if earlier.labels == post.labels else "other labels"
            text = f"the same tokens as {earlier.post} (line {earlier.line}), {labels}"
            yield Finding("duplicate", post.split, post.post, post.line, text)


def _types(posts: Sequence[Post], entity_types: Collection[str]) -> Iterator[Finding]:
    seen: dict[str, set[str]] = defaultdict(set)
    for post in posts:
        seen[post.split] |= {split_label(label)[1] for label in post.labels if label != OUTSIDE}
    for split in SPLITS:
        for missing in sorted(set(entity_types) - seen[split]):
            elsewhere = [other for other in SPLITS if missing in seen[other]]
            text = f"no {missing} in it, though in {', '.join(elsewhere)}"
            if elsewhere:
                yield Finding("unseen_type", split, "", 0, text)
    for missing in sorted(set(entity_types) - set().union(*seen.values())):
        yield Finding("unseen_type", "corpus", "", 0, f"no {missing} in any split")
