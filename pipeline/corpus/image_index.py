"""The stage `index_images`: every image of a corpus is looked at once, and its fate is written."""

from __future__ import annotations

import hashlib
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.corpus.images import OK, Image, bad, usable, write_images
from pipeline.corpus.listing import Listing, Resolver, list_folder
from pipeline.corpus.pixels import BadImageError, decode
from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.files import write_json
from pipeline.parallel import map_in_order
from pipeline.params.index_images import IndexImages
from pipeline.params.runtime import Runtime
from pipeline.progress import Mode, progress

SHOWN = 20


@dataclass(frozen=True)
class Report:
    """What a corpus's images are like; `str(report)` is for the terminal."""

    images: tuple[Image, ...]
    posts: int
    with_image: int  # posts that name one
    usable: int  # posts whose image can be used
    other_files: int  # in the folder, ignored

    @property
    def unusable(self) -> list[Image]:
        """The rows that cannot be used."""
        return [row for row in self.images if row.status != OK]

    def metrics(self) -> dict[str, Any]:
        """The report as the tree that `dvc metrics show` flattens."""
        counts = Counter(row.status for row in self.images)
        return {
            "images": {OK: 0} | counts,
            "posts": {"all": self.posts, "with_image": self.with_image, "usable": self.usable},
            "other_files": self.other_files,
        }

    def __str__(self) -> str:
        lines = [
            f"{len(self.images)} images: {tally(self.images)}"
            f" ({self.other_files} other files ignored)",
            f"{self.posts} posts: {self.with_image} name an image, {self.usable} of these usable",
            *listed(self.unusable),
        ]
        return "\n".join(lines)


def tally(images: Sequence[Image]) -> str:
    """How many rows of each status, the usable first: "12 ok, 1 corrupt, 2 missing"."""
    counts = Counter(row.status for row in images)
    others = [f"{counts[status]} {status}" for status in sorted(counts) if status != OK]
    return ", ".join([f"{counts[OK]} {OK}", *others])


def listed(rows: Sequence[Image]) -> list[str]:
    """A line for each of the first 20 rows, and how many more there are."""
    lines = [f"  {row.path or row.image}: {row.status}: {row.reason}" for row in rows[:SHOWN]]
    return lines + ([f"  … and {len(rows) - SHOWN} more"] if len(rows) > SHOWN else [])


def index_images(
    posts: Path,
    folder: Path,
    images: Path,
    metrics: Path,
    params: IndexImages,
    runtime: Runtime,
) -> Report:
    """Look at every image in `folder`, and for every image that the posts name.

    Args:
        posts: the table of posts.
        folder: where the images lie. Needed even where no post names an image: the later stages
            would run on nothing otherwise.
        images: where the table goes (`pipeline.corpus.images`).
        metrics: where the counts go, as JSON.
        params: what an image may be, and whether one that cannot be used is masked (kept as a row
            that says why) or an error, which ends the stage with the list of them.
        runtime: threads that decode, and how progress is shown.

    Raises:
        PipelineError: for a folder without images, or for bad images where `on_bad_image` is
            "error". Nothing is written then.
    """
    rows_of_posts = read_posts(posts)
    named = {post.image for post in rows_of_posts if post.image is not None}
    rows, ignored = inspect_folder(
        folder, named, "dataset.images", params.max_pixels, runtime.workers, runtime.progress
    )
    report = _report(rows, rows_of_posts, ignored)
    if params.on_bad_image == "error":
        refuse(report.unusable)
    write_images(rows, images)
    write_json(metrics, report.metrics())
    return report


def inspect_folder(
    folder: Path, named: Iterable[str], setting: str, max_pixels: int, workers: int, mode: Mode
) -> tuple[list[Image], int]:
    """A row for each id of `named` and for each other image of `folder`, by id.

    Returns:
        The rows, and how many other files lie in the folder.

    Raises:
        PipelineError: for a folder without images; `setting` names the parameter that points to it.
    """
    listing = _list(folder, setting)
    resolver = Resolver(listing)
    ids = sorted(set(named))
    found = {image: resolver.find(image) for image in ids}
    paths = {image: result.path for image, result in found.items() if result.path is not None}
    paths |= resolver.unnamed(ids, paths.values())
    files = inspect_all(folder, set(paths.values()), max_pixels, workers, mode)
    rows = [replace(files[path], image=image) for image, path in paths.items()]
    rows += [
        bad(image, None, result.status, result.reason)
        for image, result in found.items()
        if result.path is None
    ]
    rows.sort(key=lambda row: row.image)
    return rows, len(listing.others.difference(paths.values()))


def refuse(unusable: Sequence[Image]) -> None:
    """Stop where an image cannot be used, with the list of them."""
    if unusable:
        raise PipelineError(
            f"{len(unusable)} images cannot be used:\n"
            + "\n".join(listed(unusable))
            + "\nmend them, or set index_images.on_bad_image: mask to train without them"
        )


def inspect_all(
    folder: Path, paths: Collection[str], max_pixels: int, workers: int, mode: Mode
) -> dict[str, Image]:
    """`inspect` each path on threads."""
    order = sorted(paths)
    one = partial(inspect, folder, max_pixels=max_pixels)
    with closing(map_in_order(one, order, workers=workers, ahead=8 * workers)) as inspected:
        shown = progress(inspected, len(order), "images", mode, title="index_images")
        return dict(zip(order, shown, strict=True))


def inspect(folder: Path, path: str, max_pixels: int | None) -> Image:
    """Read and fully decode one file; `path`, relative to `folder`, also stands for its id."""
    place = folder / path
    try:
        mode = place.stat().st_mode
        if stat.S_ISDIR(mode):
            return bad(path, path, "directory", "a folder with the name of an image")
        if not stat.S_ISREG(mode):
            return bad(path, path, "unreadable", "not a regular file")
        with place.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            width, height = decode(file, max_pixels).size
    except FileNotFoundError:
        return bad(path, path, "dangling_link", "a link to a file that is not there")
    except BadImageError as error:
        return bad(path, path, error.status, error.reason)
    except OSError as error:
        return bad(path, path, "unreadable", error.strerror or type(error).__name__)
    return Image(path, path, sha256, width, height, OK, "")


def _list(folder: Path, setting: str) -> Listing:
    if not folder.is_dir():
        raise PipelineError(_nothing(folder, "no such folder", setting))
    try:
        listing = list_folder(folder)
    except OSError as error:
        raise PipelineError(f"{error.filename}: cannot be listed: {error.strerror}") from None
    if not listing.images:
        raise PipelineError(_nothing(folder, "no image in this folder", setting))
    return listing


def _report(rows: Sequence[Image], posts: Sequence[Post], other_files: int) -> Report:
    good = usable(rows)
    return Report(
        images=tuple(rows),
        posts=len(posts),
        with_image=sum(post.image is not None for post in posts),
        usable=sum(post.image in good for post in posts if post.image is not None),
        other_files=other_files,
    )


def _nothing(folder: Path, fault: str, setting: str) -> str:
    return (
        f"{folder}: {fault}. An empty or absent folder looks merely changed to DVC, and the stages"
        f" after this one would run on nothing: run `dvc pull {folder}` if DVC tracks it, or point"
        f" {setting} to the folder of the images. It must hold one image at least, even where"
        " nothing names any."
    )
