"""Look at a whole corpus: a folder with a file for each split, and maybe its images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.corpus import lint as small
from pipeline.corpus.bio import accepted_labels, types_of
from pipeline.corpus.conll import Fault, read_conll, read_lines
from pipeline.corpus.lint import Finding
from pipeline.corpus.posts import SPLITS, Post
from pipeline.corpus.prepare import SplitReport, count_posts, refuse_senseless
from pipeline.errors import PipelineError
from pipeline.lint import between
from pipeline.lint.layout import Layout, read_layout
from pipeline.lint.schemes import BIO, convert
from pipeline.lint.variants import recognise
from pipeline.params.prepare import Prepare

NAMES = {"train": ("train",), "dev": ("dev", "valid", "val", "validation"), "test": ("test",)}
FILES = ("", ".txt", ".conll", ".bio", ".jsonl", ".ndjson", ".json")
MEANING = {**small.MEANING, **between.MEANING}


@dataclass(frozen=True)
class Report:
    """What was found of a corpus.

    Attributes:
        variant: which known corpus it is, in a sentence.
        files: split -> its file.
        layouts: split -> its lines, as found and as they become.
        schemes: split -> the scheme of its labels.
        splits: split -> counts, once layout and scheme are mended.
        faults: lines that are not read even then.
        findings: small faults of posts, and what is to be known of several.
        seen: type -> test's entities that train has, all of test's.
        refusal: what the stages would refuse the corpus for, as it stands; None: nothing.
    """

    variant: str
    files: Mapping[str, Path]
    layouts: Mapping[str, Layout]
    schemes: Mapping[str, str]
    splits: Mapping[str, SplitReport]
    faults: Sequence[Fault]
    findings: Sequence[Finding]
    seen: Mapping[str, tuple[int, int]]
    refusal: str | None

    def changes(self) -> dict[str, dict[str, list[int]]]:
        """Kind of layout -> split -> the lines of it."""
        found: dict[str, dict[str, list[int]]] = {}
        for split, layout in self.layouts.items():
            for change in layout.changes:
                found.setdefault(change.kind, {}).setdefault(split, []).append(change.line)
        return found

    def counts(self) -> dict[str, dict[str, int]]:
        """Kind of finding -> split (or `corpus`) -> how many; every kind is there."""
        counted = Counter((finding.kind, finding.split) for finding in self.findings)
        places = (*SPLITS, "corpus")
        return {
            kind: {place: counted[kind, place] for place in places if counted[kind, place]}
            for kind in MEANING
        }

    def tree(self) -> dict[str, Any]:
        """The report for programs: everything but the lines."""
        return {
            "variant": self.variant,
            "refusal": self.refusal,
            "files": {split: str(path) for split, path in self.files.items()},
            "schemes": dict(self.schemes),
            "splits": {
                split: {
                    "posts": counts.posts,
                    "tokens": counts.tokens,
                    "entities": counts.entities,
                    "without_image": counts.without_image,
                    "longest": counts.longest,
                }
                for split, counts in self.splits.items()
            },
            "layout": self.changes(),
            "faults": [str(fault) for fault in self.faults],
            "counts": self.counts(),
            "findings": [{"kind": f.kind, "place": str(f)} for f in self.findings],
            "seen_in_train": {name: list(counts) for name, counts in self.seen.items()},
        }


def check_corpus(folder: Path, images: Path | None, params: Prepare, limit: int) -> Report:
    """Read a corpus in whatever layout and scheme, and say all that is to be said of it.

    Args:
        folder: holds a file for each split (`NAMES`).
        images: the folder of its images; None: these are not looked for.
        params: the types of its labels.
        limit: a published system's limit of tokens.

    Raises:
        PipelineError: if the folder lacks a split or has one twice, or a file cannot be read.
    """
    files = find_files(folder)
    accepted = accepted_labels(params.entity_types, params.rename)
    layouts, schemes = {}, {}
    posts: list[Post] = []
    faults: list[Fault] = []
    try:
        for split, path in files.items():
            layouts[split] = read_layout(path)
            schemes[split] = convert(layouts[split].lines)
            for row in read_lines(layouts[split].lines, path, split, accepted):
                if isinstance(row, Post):
                    posts.append(row)
                else:
                    faults.append(row)
        pictures, there = between.in_folder(posts, images) if images else ([], None)
    except OSError as error:
        raise PipelineError(f"{error.filename}: cannot be read: {error.strerror}") from None
    changed = any(layouts[split].changes or schemes[split] != BIO for split in files)
    refusal = str(faults[0]) if faults else None
    refusal = refusal or _refusal(files, accepted, posts, changed)
    if refusal is None and there == 0 and any(post.image for post in posts):
        refusal = f"{images}: holds not one of the images that posts name"
    return Report(
        variant=recognise(posts),
        files=files,
        layouts=layouts,
        schemes=schemes,
        splits={s: count_posts([post for post in posts if post.split == s]) for s in files},
        faults=sorted(faults),
        findings=[
            *small.lint(posts, types_of(params)),
            *between.between_posts(posts, limit),
            *pictures,
        ],
        seen=between.seen_in_train(posts),
        refusal=refusal,
    )


def find_files(folder: Path) -> dict[str, Path]:
    """The file of each split.

    Raises:
        PipelineError: if a split has no file, or several.
    """
    found = {}
    for split, names in NAMES.items():
        places = [folder / f"{name}{suffix}" for name in names for suffix in FILES]
        paths = [path for path in places if path.is_file()]
        if len(paths) != 1:
            said = f"{len(paths)} files" if paths else "no file"
            raise PipelineError(
                f"{folder}: {said} for the split {split!r}; it needs one, such as"
                f" {split}.txt or {names[-1]}.jsonl"
            )
        found[split] = paths[0]
    return found


def _refusal(
    files: Mapping[str, Path], accepted: Mapping[str, str], posts: Sequence[Post], changed: bool
) -> str | None:
    """What `prepare` says of the files as they stand, if it refuses them."""
    if changed:
        posts = []
        for split, path in files.items():
            for row in read_conll(path, split, accepted):
                if isinstance(row, Fault):
                    return str(row)
                posts.append(row)
    try:
        refuse_senseless(files, posts)
    except PipelineError as error:
        return str(error)
    return None
