"""The tables of a paper as data: the figures that it printed, and our run beside each row.

`papers/NAME.yaml` holds one paper. A run is one experiment: a system, one of its presets in `conf/`
and settings of its block in params.yaml. Rows of several tables may share a run.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import Field, model_validator

from pipeline.errors import PipelineError
from pipeline.params.block import Block, nearest, parse

FOLDER = Path(__file__).parent / "papers"

Value = bool | int | float | str | list[str]


class Run(Block):
    """One experiment."""

    system: str
    preset: str | None = None  # a file of conf/system/SYSTEM; None: as conf/config.yaml says
    vectors: str | None = None  # a file of conf/vectors/, if the row is about vectors
    settings: Mapping[str, Value] = {}  # dotted key of the system's block -> value

    def overrides(self) -> list[str]:
        """What `dvc exp run` takes after -S."""
        groups = {"vectors": self.vectors, f"system/{self.system}": self.preset}
        block = f"systems.{self.system}"
        return [
            *(f"{group}={name}" for group, name in groups.items() if name is not None),
            *(f"{block}.{key}={_hydra(value)}" for key, value in self.settings.items()),
        ]


class Row(Block):
    """A row as printed; `run` is missing if we do not have the approach."""

    name: str
    published: list[float]
    run: str | None = None


class Table(Block):
    """A table as printed; each column names its place in our scores: READING.overall|TYPE.RATIO."""

    name: str
    columns: Mapping[str, str] = Field(min_length=1)
    rows: list[Row] = Field(min_length=1)


class Paper(Block):
    """A paper's tables, and a description of the data that it trained on."""

    title: str
    corpus: str
    images: str
    vectors: str
    seeds: str
    decimals: int  # number of decimals that it prints
    runs: Mapping[str, Run]
    tables: list[Table] = Field(min_length=1)

    @model_validator(mode="after")
    def _rows_fit(self) -> Paper:
        for table in self.tables:
            for row in table.rows:
                if len(row.published) != len(table.columns):
                    raise ValueError(f"{table.name}, {row.name}: not one figure a column")
                if row.run is not None and row.run not in self.runs:
                    raise ValueError(f"{table.name}, {row.name}: no run {row.run!r}")
        return self


def known_papers() -> list[str]:
    """The papers whose tables are here."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read_paper(name: str) -> Paper:
    """The paper of that name.

    Raises:
        PipelineError: for a name that is not known, with the nearest that is.
    """
    if name not in known_papers():
        known = ", ".join(known_papers())
        raise PipelineError(
            f"unknown paper {name!r}{nearest(name, known_papers())}; known: {known}"
        )
    path = FOLDER / f"{name}.yaml"
    return parse(yaml.safe_load(path.read_text(encoding="utf-8")), Paper, str(path))


def experiment_of(paper: str, run: str) -> str:
    """The name of a run's DVC experiment."""
    return f"{paper}-{run}"


def commands(name: str, done: Collection[str], overrides: Sequence[str]) -> list[str]:
    """Shell commands that queue the runs of a paper which are not `done`, one each.

    Args:
        name: the paper's name.
        done: runs to leave out.
        overrides: changes of conf/ for every run, such as dataset=twitter2015; a run's own
            override of the same key replaces one of these.
    """
    return [
        shlex.join(
            [
                *("dvc", "exp", "run", "--queue", "--name", experiment_of(name, key)),
                *(word for one in _joined(overrides, run.overrides()) for word in ("-S", one)),
                f"evaluate_{run.system}",
            ]
        )
        for key, run in read_paper(name).runs.items()
        if key not in done
    ]


def _joined(common: Sequence[str], own: Sequence[str]) -> list[str]:
    """Join both; an own override replaces a common one of the same key: Hydra takes a key once."""
    keys = {one.partition("=")[0] for one in own}
    return [*(one for one in common if one.partition("=")[0] not in keys), *own]


def _hydra(value: Value) -> str:
    if isinstance(value, list):
        return f"[{','.join(value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
