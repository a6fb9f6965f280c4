"""The stage `index_images` looks at every image once, and writes whether it can be used."""

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
from pipeline.corpus.thumbnails import whole_folder, write_thumbnail
from pipeline.errors import PipelineError
from pipeline.files import write_json
from pipeline.parallel import map_in_order
from pipeline.params.index_images import IndexImages
from pipeline.params.runtime import Runtime
from pipeline.progress import progress

SHOWN = 20


@dataclass(frozen=True)
class Report:
    """What was found of the images of a corpus; `str(report)` is for the terminal."""

    images: tuple[Image, ...]
    posts: int
    posts_with_image: int  # they name one
    posts_usable: int  # their image can be used
    other_files: int  # files of the folder that are ignored

    @property
    def unusable(self) -> list[Image]:
        """The rows of images that cannot be used."""
        return [row for row in self.images if row.status != OK]

    def metrics(self) -> dict[str, Any]:
        """The report as the tree that `dvc metrics show` flattens."""
        counts = Counter(row.status for row in self.images)
        return {
            "images": {OK: 0} | counts,
            "posts": {
                "all": self.posts,
                "with_image": self.posts_with_image,
                "usable": self.posts_usable,
            },
            "other_files": self.other_files,
        }

    def __str__(self) -> str:
        lines = [
            f"{len(self.images)} images: {tally(self.images)}"
            f" ({self.other_files} other files ignored)",
            f"{self.posts} posts: {self.posts_with_image} name an image,"
            f" {self.posts_usable} of these usable",
            *listed(self.unusable),
        ]
        return "\n".join(lines)


def tally(images: Sequence[Image]) -> str:
    """Count the rows of each status, the usable ones first: "12 ok, 1 corrupt, 2 missing"."""
    counts = Counter(row.status for row in images)
    others = [f"{counts[status]} {status}" for status in sorted(counts) if status != OK]
    return ", ".join([f"{counts[OK]} {OK}", *others])


def listed(rows: Sequence[Image]) -> list[str]:
    """One line for each of the first 20 rows, and one that says how many more there are."""
    lines = [f"  {row.path or row.image}: {row.status}: {row.reason}" for row in rows[:SHOWN]]
    return lines + ([f"  … and {len(rows) - SHOWN} more"] if len(rows) > SHOWN else [])


def index_images(
    posts: Path,
    folder: Path,
    images: Path,
    thumbnails: Path,
    metrics: Path,
    params: IndexImages,
    runtime: Runtime,
) -> Report:
    """Look at every image in `folder`, and look for every image that the posts name.

    Args:
        posts: the table of posts.
        folder: the folder of the images. It must hold one even if no post names an image, or the
            later stages would run on nothing.
        images: the table to be written (`pipeline.corpus.images`).
        thumbnails: the folder to be written (`pipeline.corpus.thumbnails`).
        metrics: the JSON file for the counts.
        params: the largest image, and what becomes of an image that cannot be used: it is masked
            (a row says why), or the stage ends with the list of such images; and whether the stage
            ends if posts name images, but none of these can be used.
        runtime: the number of threads that decode, and how progress is shown.

    Raises:
        PipelineError: if the folder holds no image, or if an image, or every one that a post
            names, cannot be used and params say that this is an error. Nothing is written then.
    """
    rows_of_posts = read_posts(posts)
    named = {post.image for post in rows_of_posts if post.image is not None}
    with whole_folder(thumbnails) as drawn:
        rows, ignored = inspect_folder(
            folder, named, "dataset.images", params.max_pixels, runtime, drawn
        )
        report = _report(rows, rows_of_posts, ignored)
        if params.on_bad_image == "error":
            refuse(report.unusable)
        if params.on_no_image == "error" and report.posts_with_image and not report.posts_usable:
            raise PipelineError(_none_usable(folder, rows, named))
    write_images(rows, images)
    write_json(metrics, report.metrics())
    return report


def _none_usable(folder: Path, rows: Sequence[Image], named: Collection[str]) -> str:
    """Say that no post has an image, why, and where files of these names lie."""
    below = Resolver(list_folder(folder)).folder_of(named)
    meant = f" to {folder / below}, where files of these names lie" if below else ""
    lines = [
        f"{folder}: not one of the {len(named)} images that posts name can be used:",
        *listed([row for row in rows if row.image in named]),
        f"set dataset.images{meant or ' to the folder of these images'}, or"
        " index_images.on_no_image: mask to go on by the text alone",
    ]
    return "\n".join(lines)


def inspect_folder(
    folder: Path,
    named: Iterable[str],
    setting: str,
    max_pixels: int,
    runtime: Runtime,
    thumbnails: Path,
) -> tuple[list[Image], int]:
    """Make a row for each id of `named` and for each other image of `folder`.

    Every usable image gets its thumbnail in the folder `thumbnails`.

    Returns:
        The rows, sorted by id, and the number of other files in the folder.

    Raises:
        PipelineError: if the folder holds no image; the message names `setting`, the parameter that
            points to the folder.
    """
    listing = _list(folder, setting)
    resolver = Resolver(listing)
    ids = sorted(set(named))
    found = {image: resolver.find(image) for image in ids}
    paths = {image: result.path for image, result in found.items() if result.path is not None}
    paths |= resolver.unnamed(ids, paths.values())
    files = inspect_all(folder, set(paths.values()), max_pixels, runtime, thumbnails)
    rows = [replace(files[path], image=image) for image, path in paths.items()]
    rows += [
        bad(image, None, result.status, result.reason)
        for image, result in found.items()
        if result.path is None
    ]
    rows.sort(key=lambda row: row.image)
    return rows, len(listing.others.difference(paths.values()))


def refuse(unusable: Sequence[Image]) -> None:
    """Raise a `PipelineError` that lists the images that cannot be used, if there are any."""
    if unusable:
        raise PipelineError(
            f"{len(unusable)} images cannot be used:\n"
            + "\n".join(listed(unusable))
            + "\nmend them, or set index_images.on_bad_image: mask to train without them"
        )


def inspect_all(
    folder: Path, paths: Collection[str], max_pixels: int, runtime: Runtime, thumbnails: Path
) -> dict[str, Image]:
    """Call `inspect` for each path, on threads."""
    order, workers = sorted(paths), runtime.workers
    one = partial(inspect, folder, max_pixels=max_pixels, thumbnails=thumbnails)
    with closing(map_in_order(one, order, workers=workers, ahead=8 * workers)) as inspected:
        shown = progress(inspected, len(order), "images", runtime.progress, title="index_images")
        return dict(zip(order, shown, strict=True))


def inspect(folder: Path, path: str, max_pixels: int | None, thumbnails: Path | None) -> Image:
    """Read one file, decode it fully and write its thumbnail, if there is a folder for it.

    `path`, relative to `folder`, is also its id.
    """
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
            image = decode(file, max_pixels)
    except FileNotFoundError:
        return bad(path, path, "dangling_link", "a link to a file that is not there")
    except BadImageError as error:
        return bad(path, path, error.status, error.reason)
    except OSError as error:
        return bad(path, path, "unreadable", error.strerror or type(error).__name__)
    if thumbnails is not None:
        write_thumbnail(image, sha256, thumbnails)
    return Image(path, path, sha256, image.width, image.height, OK, "")


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
        posts_with_image=sum(post.image is not None for post in posts),
        posts_usable=sum(post.image in good for post in posts if post.image is not None),
        other_files=other_files,
    )


def _nothing(folder: Path, fault: str, setting: str) -> str:
    return (
        f"{folder}: {fault}. An empty or absent folder looks merely changed to DVC, and the stages"
        f" after this one would run on nothing: run `dvc pull {folder}` if DVC tracks it, or point"
        f" {setting} to the folder of the images. It must hold one image at least, even where"
        " nothing names any."
    )
