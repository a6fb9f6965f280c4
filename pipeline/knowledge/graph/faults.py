"""Lines that cannot be read: all are counted, the first ones are listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

LISTED = 20


@dataclass
class Faults:
    """The faults found in the files of a graph; `str(faults)` lists the first 20, a line each."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, path: Path, line: int, text: str) -> None:
        """Add the fault of a line, counted from 1."""
        self.count += 1
        if len(self.first) < LISTED:
            self.first.append(f"  {path}:{line}: {text}")

    def __str__(self) -> str:
        more = self.count - len(self.first)
        return "\n".join([*self.first, *([f"  … and {more} more"] if more else [])])
