"""List an image folder, and find the file that an id means."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath

from pipeline.corpus.pixels import SUFFIXES


@dataclass(frozen=True)
class Listing:
    """The entries of an image folder, as paths relative to it, with `/` on every system.

    Attributes:
        images: the entries with the suffix of an image, sorted; folders and dangling links count.
        others: the other files, hidden ones included; they are ignored unless a post names one in
            full.
        folders: the folders below the image folder.
    """

    images: tuple[str, ...]
    others: frozenset[str]
    folders: frozenset[str]


@dataclass(frozen=True)
class Found:
    """The path of the entry that an id means, or a status and a reason why there is none."""

    path: str | None = None
    status: str = ""
    reason: str = ""


def list_folder(folder: Path) -> Listing:
    """List `folder` and the folders below it; links are followed, but no folder is listed twice.

    Raises:
        OSError: if a folder cannot be listed.
    """
    images: list[str] = []
    others: set[str] = set()
    folders: set[str] = set()
    visited: set[tuple[int, int]] = set()
    for place, names, files in os.walk(folder, onerror=_fail, followlinks=True):
        about = Path(place).stat()
        if (about.st_dev, about.st_ino) in visited:  # a link led back to a folder above it
            names.clear()
            continue
        visited.add((about.st_dev, about.st_ino))
        prefix = PurePosixPath(Path(place).relative_to(folder).as_posix())
        folders |= {str(prefix / name) for name in names}
        odd = {name for name in names if _is_image(name)}
        for name in [*files, *odd]:
            path = str(prefix / name)
            if _is_image(name):
                images.append(path)
            else:
                others.add(path)
        names[:] = sorted(name for name in names if name not in odd and not name.startswith("."))
    return Listing(tuple(sorted(images)), frozenset(others), frozenset(folders))


def _is_image(name: str) -> bool:
    """Whether a file is meant as an image, by its name.

    Hidden files are not (macOS leaves a `._x.jpg` beside each `x.jpg` that it copies). Files whose
    names are not UTF-8 are not either, since no post can name them.
    """
    if name.startswith(".") or not _is_utf8(name):
        return False
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fail(error: OSError) -> None:
    raise error


class Resolver:
    """Finds the file that an id means: a path in the image folder, with or without suffix.

    Ids are looked up in the listing and never opened as paths, so that none can reach outside.
    """

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._images = frozenset(listing.images)
        self._stems: dict[str, list[str]] = defaultdict(list)
        for path in listing.images:
            self._stems[_stem(path)].append(path)

    def find(self, image: str) -> Found:
        """Find what the id `image` of a post means."""
        if _climbs(image):
            return Found(status="refused", reason="the id leads out of the image folder")
        path = str(PurePosixPath(image))
        if path in self._images:
            return Found(path)
        paths = self._stems.get(path, [])
        if len(paths) > 1:
            return Found(
                status="ambiguous",
                reason=f"{', '.join(paths)} all have this name: name the right one in full",
            )
        if paths:
            return Found(paths[0])
        if path in self._listing.others:
            return Found(path)
        if path in self._listing.folders:
            return Found(path)
        like = self.like(image)
        hint = f"; {like} differs in folder, case or suffix alone" if like else ""
        return Found(status="missing", reason=f"no file of this name in the image folder{hint}")

    def like(self, image: str) -> str | None:
        """The one image whose name is that of `image` but for folder, case or suffix."""
        meant = PurePosixPath(image)
        for spelling in (meant.name, meant.stem):  # `a.b` may be a name without a suffix
            paths = self._bare.get(spelling.casefold(), [])
            if len(paths) == 1:
                return paths[0]
        return None

    def folder_of(self, ids: Iterable[str]) -> str | None:
        """The folder below the image folder in which the most of the `ids` have a file."""
        likes = (self.like(image) for image in ids)
        folders = Counter(str(PurePosixPath(like).parent) for like in likes if like)
        folders.pop(".", None)
        return folders.most_common(1)[0][0] if folders else None

    @cached_property
    def _bare(self) -> dict[str, list[str]]:
        """The images by their names without folder and suffix, in small letters."""
        bare: dict[str, list[str]] = defaultdict(list)
        for path in self._listing.images:
            bare[PurePosixPath(path).stem.casefold()].append(path)
        return bare

    def unnamed(self, named: Iterable[str], found: Iterable[str]) -> dict[str, str]:
        """Give an id to each image file that no post means: id -> path.

        Args:
            named: the ids of the posts.
            found: the paths that these ids mean.
        """
        ids, paths = frozenset(named), frozenset(found)
        rest = [path for path in self._listing.images if path not in paths]
        return {self._own_id(path, ids): path for path in rest}

    def _own_id(self, path: str, taken: frozenset[str]) -> str:
        stem = _stem(path)
        return path if len(self._stems[stem]) > 1 or stem in taken else stem


def _stem(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))


def _climbs(image: str) -> bool:
    windows = PureWindowsPath(image)
    return image.startswith("/") or bool(windows.anchor) or ".." in windows.parts
