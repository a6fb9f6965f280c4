"""One bad input: what is wrong, how the file is made, what a user runs, and what it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.stages.conftest import Project

ANYTHING = "…"  # stands in a message for whatever is there

Spoil = Callable[[Project], object]


@dataclass(frozen=True)
class Case:
    """A row of the matrix.

    Attributes:
        wrong: what is wrong, for a reader of docs/bad-input.md.
        spoil: makes the file, in a project that was sound.
        run: a stage, or a command that begins with `mner`.
        says: how the message begins, or all of it; `…` stands for anything.
        counted: the command goes on, and its report tells the fault.
    """

    wrong: str
    spoil: Spoil
    says: str
    run: str
    counted: bool = False

    def told(self, message: str) -> bool:
        """Whether a message is the expected one."""
        parts = [re.escape(part) for part in self.says.split(ANYTHING)]
        return re.match("(?s:.*)".join(parts), message) is not None


def put(name: str, content: str | bytes) -> Spoil:
    """Write a file."""
    return lambda project: project.write(name, content)


def cut(name: str, kept: float = 0.5) -> Spoil:
    """Keep the first part of a file."""

    def spoil(project: Project) -> None:
        content = (project.path / name).read_bytes()
        project.write(name, content[: int(kept * len(content))])

    return spoil


def gone(name: str) -> Spoil:
    """Remove a file."""
    return lambda project: (project.path / name).unlink()


def setting(section: str, **values: object) -> Spoil:
    """Set keys of a section of params.yaml; its name may have dots."""

    def spoil(project: Project) -> None:
        def change(tree: dict[str, object]) -> None:
            block = tree
            for part in section.split("."):
                block = block[part]  # type: ignore[assignment]
            block.update(values)

        project.params(change)

    return spoil


def all_of(*parts: Spoil) -> Spoil:
    """Do one after the other."""

    def spoil(project: Project) -> None:
        for part in parts:
            part(project)

    return spoil
