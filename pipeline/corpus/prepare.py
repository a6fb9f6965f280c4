"""The stage `prepare` reads the files of a corpus into one table of posts, and counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.corpus.bio import accepted_labels, opened, orphans, types_of, without_type
from pipeline.corpus.conll import Fault, read_conll
from pipeline.corpus.lint import KINDS, MEANING, Finding, lint
from pipeline.corpus.posts import Post, write_posts
from pipeline.errors import PipelineError
from pipeline.files import write_json
from pipeline.params.block import nearest
from pipeline.params.prepare import Prepare

SHOWN_FAULTS = 20
SHOWN_DUPLICATES = 5


@dataclass(frozen=True)
class SplitReport:
    """The counts of one split; `entities` counts those that a `B-` opens, by type."""

    posts: int
    tokens: int
    entities: dict[str, int]
    without_image: int
    longest: int  # tokens of the longest post

    def __str__(self) -> str:
        types = ", ".join(f"{name} {count}" for name, count in self.entities.items())
        return (
            f"{self.posts} posts, {self.tokens} tokens,"
            f" {sum(self.entities.values())} entities ({types}),"
            f" {self.without_image} without an image, longest {self.longest} tokens"
        )


@dataclass(frozen=True)
class Report:
    """The counts of a corpus, and its small faults."""

    splits: dict[str, SplitReport]
    findings: tuple[Finding, ...]

    def count(self, kind: str) -> dict[str, int]:
        """The number of findings of a kind in each split."""
        found = Counter(finding.split for finding in self.findings if finding.kind == kind)
        return {split: found[split] for split in self.splits}

    def metrics(self) -> dict[str, Any]:
        """The report as the tree that `dvc metrics show` flattens."""
        return {
            split: {
                "posts": report.posts,
                "tokens": report.tokens,
                "entities": sum(report.entities.values()),
                "entities_by_type": report.entities,
                "without_image": report.without_image,
                "longest": report.longest,
                "findings": {kind: self.count(kind)[split] for kind in KINDS},
            }
            for split, report in self.splits.items()
        }

    def __str__(self) -> str:
        lines = [f"{split}: {report}" for split, report in self.splits.items()]
        for kind in KINDS:
            found = [finding for finding in self.findings if finding.kind == kind]
            if found:
                counts = ", ".join(f"{split} {n}" for split, n in self.count(kind).items() if n)
                lines.append(f"{MEANING[kind]}: {counts or len(found)}")
            if kind == "unseen_type":
                lines += [f"  {finding}" for finding in found]
            elif kind == "duplicate":
                lines += [f"  {finding}" for finding in found[:SHOWN_DUPLICATES]]
                if len(found) > SHOWN_DUPLICATES:
                    lines.append(f"  … and {len(found) - SHOWN_DUPLICATES} more")
        return "\n".join(lines)


def prepare(
    files: Mapping[str, Path],
    posts: Path,
    metrics: Path,
    params: Prepare,
) -> Report:
    """Read the files of a corpus into the table of posts.

    Args:
        files: split -> CoNLL file, in the order of the table.
        posts: the table to be written (`pipeline.corpus.posts`).
        metrics: the JSON file for the counts.
        params: the types that labels may have after renaming, type as found -> type as kept, and
            whether all types become one at last (Moon et al. 2018, Table 1, segmentation).

    Raises:
        PipelineError: if a file has faults (the message lists the first 20 of all files), if a
            split has no entity or is not labelled in BIO, or if a type is renamed to one that is
            not among the entity types. Nothing is written then.
    """
    entity_types = params.entity_types
    for found, kept in params.rename.items():
        if kept not in entity_types:
            hint = nearest(kept, entity_types)
            raise PipelineError(
                f"prepare.rename: {found!r} becomes {kept!r}, which is not among entity_types"
                f" ({', '.join(entity_types)}){hint}"
            )
    accepted = accepted_labels(entity_types, params.rename)
    if params.untyped:
        accepted = {label: without_type(kept) for label, kept in accepted.items()}
    rows = _read(files, accepted)
    refuse_senseless(files, rows)
    report = Report(
        {split: count_posts([row for row in rows if row.split == split]) for split in files},
        tuple(lint(rows, types_of(params))),
    )
    write_posts(rows, posts)
    write_json(metrics, report.metrics())
    return report


def _read(files: Mapping[str, Path], accepted: Mapping[str, str]) -> list[Post]:
    posts: list[Post] = []
    faults: list[Fault] = []
    for split, path in files.items():
        found: list[Fault] = []
        for row in read_conll(path, split, accepted):
            if isinstance(row, Post):
                posts.append(row)
            else:
                found.append(row)
        faults += sorted(found)
    if faults:
        lines = [str(fault) for fault in faults[:SHOWN_FAULTS]]
        if len(faults) > SHOWN_FAULTS:
            lines.append(f"… and {len(faults) - SHOWN_FAULTS} more lines of this kind")
        raise PipelineError("\n".join(lines))
    return posts


def refuse_senseless(files: Mapping[str, Path], posts: Sequence[Post]) -> None:
    """Refuse labels from which nothing can be learnt or scored.

    Read as BIO, labels of another scheme have few entities or none, and every system scores 0.

    Args:
        files: split -> the file that it was read from.
        posts: the posts of all splits.

    Raises:
        PipelineError: for a split with more orphans (`pipeline.corpus.bio.orphans`) than entities,
            or without an entity.
    """
    for split, path in files.items():
        own = [post for post in posts if post.split == split]
        entities = sum(len(opened(post.labels)) for post in own)
        lost = [(post, at) for post in own for at in orphans(post.labels)]
        if len(lost) > entities:
            post, at = lost[0]
            raise PipelineError(
                f"{path}: {len(lost)} entities begin with I- and {entities} with B-, the first in"
                f" the post of line {post.line}, {post.tokens[at]!r} {post.labels[at]}: the labels"
                " are IOB1 or IO, and BIO is read; convert them by `mner lint --fix`"
            )
        if not entities:
            raise PipelineError(
                f"{path}: none of its {len(own)} posts has an entity, so that nothing of split"
                f" {split!r} can be learnt or scored; give it posts with labels"
            )


def count_posts(posts: Sequence[Post]) -> SplitReport:
    """Count the posts of one split."""
    entities = Counter(entity for post in posts for entity in opened(post.labels))
    return SplitReport(
        posts=len(posts),
        tokens=sum(len(post.tokens) for post in posts),
        entities=dict(sorted(entities.items())),
        without_image=sum(post.image is None for post in posts),
        longest=max((len(post.tokens) for post in posts), default=0),
    )
