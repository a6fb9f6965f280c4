"""All bad inputs, and their page: `python -m tests.stages.bad_input.matrix > docs/bad-input.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.stages.bad_input.caches import STORES, TABLES
from tests.stages.bad_input.case import Case
from tests.stages.bad_input.corpora import CONLL, IMAGES
from tests.stages.bad_input.knowledge import CAPTIONS, TRIPLES
from tests.stages.bad_input.models import MODELS, WEIGHTS
from tests.stages.bad_input.settings import PARAMS
from tests.stages.bad_input.words import VECTORS

MATRIX: Mapping[str, Sequence[Case]] = {
    "Corpora in CoNLL": CONLL,
    "Images": IMAGES,
    "Word vectors": VECTORS,
    "Triples": TRIPLES,
    "Captions": CAPTIONS,
    "params.yaml": PARAMS,
    "Tables": TABLES,
    "Feature stores": STORES,
    "Weights": WEIGHTS,
    "Models and new posts": MODELS,
}
INTRODUCTION = """\
# Bad inputs, and what is said of them

Each row was run as a user would run it: the stage or command ends with exit status 1 and the
message, without a traceback, and what earlier runs wrote stays as it was. Where the last column
says *goes on*, the fault is told in the report, the exit status is 0, and the rest is used. `…`
stands for any text. Nothing out of such a file is executed.

This page is made from the table that the tests run:
`python -m tests.stages.bad_input.matrix > docs/bad-input.md`.
"""


def page() -> str:
    """The text of docs/bad-input.md."""
    parts = [INTRODUCTION]
    for title, cases in MATRIX.items():
        rows = [
            f"| {case.wrong} | `{case.run}` | {_said(case)} | {_end(case)} |\n" for case in cases
        ]
        head = "| what is wrong | run | what is said | |\n|---|---|---|---|\n"
        parts.append(f"\n## {title}\n\n{head}{''.join(rows)}")
    return "".join(parts)


def _said(case: Case) -> str:
    text = case.says if case.counted else f"Error: {case.says}"
    fence = "``" if "`" in text else "`"
    pad = " " if "`" in text else ""
    shown = text.strip().replace("|", "\\|")
    return f"{fence}{pad}{shown}{pad}{fence}"


def _end(case: Case) -> str:
    return "goes on" if case.counted else ""


if __name__ == "__main__":
    print(page(), end="")
