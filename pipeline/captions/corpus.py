"""Caption corpora: COCO's JSON and Flickr8k's token format, and their faults.

COCO: `{"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}`. Flickr8k: a
line `FILE#NUMBER<TAB>caption` for each caption. A file whose name ends in `.json` is COCO's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ValidationError

from pipeline.corpus.images import OK, Image
from pipeline.errors import PipelineError

Fault = Literal["no such image", "no words", "too long", "not a caption line"]
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True)
class Caption:
    """One caption of one image."""

    image: str  # sha256 of the image's bytes
    words: tuple[str, ...]  # in small letters


@dataclass(frozen=True)
class Finding:
    """A caption that is left out, and why."""

    fault: Fault
    text: str


@dataclass(frozen=True)
class CaptionCorpus:
    """The captions that can be used, in the file's order, and those left out."""

    captions: tuple[Caption, ...]
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        images = len({caption.image for caption in self.captions})
        counts = Counter(finding.fault for finding in self.findings)
        lines = [f"{len(self.captions)} captions of {images} images"]
        for fault, count in sorted(counts.items()):
            named = [finding.text for finding in self.findings if finding.fault == fault]
            more = ", ..." if count > 5 else ""
            lines.append(f"  left out, {fault}: {count} ({', '.join(named[:5])}{more})")
        return "\n".join(lines)


class _CocoImage(BaseModel):
    id: int | str
    file_name: str


class _CocoCaption(BaseModel):
    image_id: int | str
    caption: str


class _Coco(BaseModel):
    """The part of COCO's JSON that is read; the rest may be there."""

    images: list[_CocoImage]
    annotations: list[_CocoCaption]


def words_of(text: str) -> tuple[str, ...]:
    """A caption's words in small letters, punctuation left out."""
    return tuple(WORD.findall(text.lower()))


def read_captions(path: Path, images: Sequence[Image], max_words: int) -> CaptionCorpus:
    """Read a caption corpus.

    Args:
        path: the file.
        images: the table of images; captions name their files, with or without the folder and
            the suffix.
        max_words: longer captions are left out: a cut one would teach to stop in mid-sentence.

    Raises:
        PipelineError: for a file in neither format, or one without a usable caption.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PipelineError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from None
    findings: list[Finding] = []
    found = _coco(path, text) if path.suffix.lower() == ".json" else _flickr(text, findings)
    files = _by_name(images)
    captions = []
    for name, caption in found:
        words = words_of(caption)
        key = files.get(name) or files.get(PurePosixPath(name).name)
        fault: Fault | None = None
        if key is None:
            fault = "no such image"
        elif not words:
            fault = "no words"
        elif len(words) > max_words:
            fault = "too long"
        if key is None or fault is not None:
            shown = " ".join(words[:5])
            findings.append(Finding(fault or "no such image", f"{name}: {shown!r}"))
        else:
            captions.append(Caption(key, words))
    if not captions:
        raise PipelineError(
            f"{path}: none of its {len(findings)} captions can be used; {_advice(findings)}\n"
            f"{CaptionCorpus((), tuple(findings))}"
        )
    return CaptionCorpus(tuple(captions), tuple(findings))


def _advice(findings: Sequence[Finding]) -> str:
    """What to do about a file whose captions are all left out: by the most frequent fault."""
    counts = Counter(finding.fault for finding in findings)
    if counts and counts.most_common(1)[0][0] == "not a caption line":
        return (
            "captions are COCO's JSON in a file that ends in .json, or Flickr8k's lines"
            " `FILE#NUMBER<TAB>caption`: convert a table of another kind."
        )
    return "its pictures belong into the image folder."


def _by_name(images: Iterable[Image]) -> Mapping[str, str]:
    """Name, with and without folder and suffix -> sha256, without names that two pictures share."""
    found: dict[str, set[str]] = {}
    for image in images:
        if image.status == OK and image.sha256 and image.path:
            path = PurePosixPath(image.path)
            for name in {str(path), path.name, path.stem, image.image}:
                found.setdefault(name, set()).add(image.sha256)
    return {name: keys.pop() for name, keys in found.items() if len(keys) == 1}


def _coco(path: Path, text: str) -> list[tuple[str, str]]:
    try:
        tree = _Coco.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise PipelineError(
            f"{path}: not COCO's caption format ({where or 'the file'}: {first['msg']})"
        ) from None
    names = {image.id: image.file_name for image in tree.images}
    return [
        (names.get(one.image_id, f"image id {one.image_id}"), one.caption)
        for one in tree.annotations
    ]


def _flickr(text: str, findings: list[Finding]) -> list[tuple[str, str]]:
    found = []
    for number, line in enumerate(text.split("\n"), 1):  # other separators belong to a caption
        name, tab, caption = line.partition("\t")
        if tab:
            found.append((name.rpartition("#")[0] or name, caption))
        elif line.strip():
            findings.append(Finding("not a caption line", f"line {number}: {line[:40]!r}"))
    return found
