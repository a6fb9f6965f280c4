"""The pages for people, their commands, and the paths and keys that they name."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = sorted(
    [
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.md"),
        ROOT / "features" / "README.md",
        ROOT / "samples" / "README.md",
    ]
)
# A block that begins otherwise is a tree of files, a line of results or Python.
PROGRAMS = {"dvc", "eval", "git", "make", "mner", "pytest", "python", "source", "xdg-open"}
OTHERS = ("dvc.yaml  ", "samples/\n", "{", "from pipeline.")
PLACEHOLDER = re.compile(r"(?<![a-z])[A-Z]{3,}(?![a-z])|\.\.\.")


@dataclass(frozen=True)
class Command:
    """One simple command of a page; `whole` is its line, without the remark."""

    page: str
    whole: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {self.whole}"


def blocks(text: str) -> list[str]:
    """The indented and the fenced blocks of a page, without their indentation."""
    fenced = re.findall(r"(?ms)^```[a-z]*\n(.*?)^```", text)
    rest = re.sub(r"(?ms)^```[a-z]*\n.*?^```", "", text)
    indented = re.findall(r"(?m)(?:\A|(?<=\n\n))((?:    .*\n?|\n(?=    ))+)", rest)
    return [*fenced, *(re.sub(r"(?m)^    ", "", block) for block in indented)]


def commands_of(page: Path) -> Iterator[Command]:
    """The commands in the page's blocks."""
    name = str(page.relative_to(ROOT))
    for block in blocks(page.read_text("utf-8")):
        if block.split()[0] in PROGRAMS:
            for line in filter(str.strip, block.splitlines()):
                yield from simple(name, line)


def inline_commands(page: Path) -> Iterator[Command]:
    """The commands between backticks: those of programs whose words can be checked."""
    text = page.read_text("utf-8")
    for line in re.findall(r"`((?:mner|dvc|make|python -m) [^`\n]+)`", text):
        yield from simple(str(page.relative_to(ROOT)), line)


def simple(page: str, line: str) -> Iterator[Command]:
    """The simple commands of a line, which pipes and && part."""
    whole = re.sub(r"\s+#.*", "", line)
    part: list[str] = []
    for word in [*shlex.split(whole), "&&"]:
        if word in {"&&", "|"}:
            if part and part != ["sh"]:  # `... | sh` runs what was printed
                yield Command(page, whole, tuple(part))
            part = []
        else:
            part.append(word)


def paths_of(page: Path) -> Iterator[str]:
    """What a page names that looks like a path: between backticks, and as the aim of a link."""
    text = page.read_text("utf-8")
    yield from re.findall(r"`([\w.-]+/[\w./-]*)`", text)
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        yield str((page.parent / link).resolve().relative_to(ROOT))


def keys_of(page: Path) -> Iterator[str]:
    """The dotted keys of params.yaml that a page names between backticks."""
    for quoted in re.findall(r"`([^`\n]+)`", page.read_text("utf-8")):
        yield from re.findall(r"^([a-z_]+(?:\.[a-zA-Z_]+)+)(?=$|:|=)", quoted)
