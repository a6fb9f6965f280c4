"""What an examination found, and what a person should do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from pipeline.errors import PipelineError

State: TypeAlias = Literal["ok", "note", "fault"]


@dataclass(frozen=True)
class Finding:
    """One line of `mner doctor`.

    Attributes:
        check: what was examined, in a word or two.
        state: "fault" stops some stage, or may give wrong results; "note" does neither yet.
        said: what was found.
        advice: what to do; "" where nothing needs doing.
    """

    check: str
    state: State
    said: str
    advice: str = ""


# An examination of the project in this folder.
Check: TypeAlias = Callable[[Path], Iterator[Finding]]


def examine(checks: dict[str, Check], project: Path) -> list[Finding]:
    """Make every examination; one that cannot be made is a fault, and the others go on."""
    findings = []
    for name, check in checks.items():
        try:
            findings += list(check(project))
        except (PipelineError, OSError) as error:
            findings.append(Finding(name, "fault", str(error), "mend that, and ask again"))
        except Exception as error:  # whoever asks has a broken project, which may raise anything
            said = f"cannot be examined: {type(error).__name__}: {error}"
            findings.append(Finding(name, "fault", said, "mend that, and ask again"))
    return findings
