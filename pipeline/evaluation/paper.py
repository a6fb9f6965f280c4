"""The tables of a paper as data: the figures that it printed, and our run beside each row.

`papers/NAME.yaml` holds one paper. A run is one experiment: a system, one of its presets in
`conf/`, settings of its block in params.yaml, and values elsewhere. A row may have several runs,
such as `published` beside `tuned`, and rows of several tables may share a run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import Field, model_validator

from pipeline.errors import PipelineError
from pipeline.evaluation.experiments import command, joined
from pipeline.params.block import Block, nearest, parse

FOLDER = Path(__file__).parent / "papers"

Value = bool | int | float | str | list[int] | list[str] | None


class Run(Block):
    """One experiment."""

    system: str
    preset: str | None = None  # a file of conf/system/SYSTEM; None: as conf/config.yaml says
    vectors: str | None = None  # a file of conf/vectors/, if the row is about vectors
    settings: Mapping[str, Value] = {}  # dotted key of the system's block -> value
    elsewhere: Mapping[str, Value] = {}  # dotted key of params.yaml, or a group of conf/ -> value
    label: str | None = None  # tells it from the row's other runs; None: its preset, or tuned
    needs: str | None = None  # what not everybody has, such as pictures

    @property
    def called(self) -> str:
        """What its line in a table is called."""
        return f"ours, {self.label or self.preset or 'tuned'}"

    @property
    def gold(self) -> frozenset[tuple[str, str]]:
        """The changes of how labels are read: runs that differ in them are scored on other gold."""
        changes = {key: _hydra(value) for key, value in self.elsewhere.items()}
        return frozenset(item for item in changes.items() if item[0].startswith("prepare."))

    def overrides(self) -> list[str]:
        """What `dvc exp run` takes after -S."""
        groups = {"vectors": self.vectors, f"system/{self.system}": self.preset}
        block = f"systems.{self.system}"
        return [
            *(f"{group}={name}" for group, name in groups.items() if name is not None),
            *(f"{block}.{key}={_hydra(value)}" for key, value in self.settings.items()),
            *(f"{key}={_hydra(value)}" for key, value in self.elsewhere.items()),
        ]


class Row(Block):
    """A row as printed, and our runs of it; none if we do not have the approach."""

    name: str
    published: list[float | None]  # None: not printed
    runs: list[str] = []


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
    comparisons: list[tuple[str, str]] = []  # pairs of runs whose difference is tested

    @model_validator(mode="after")
    def _rows_fit(self) -> Paper:
        for run in {run for pair in self.comparisons for run in pair} - set(self.runs):
            raise ValueError(f"comparisons: no run {run!r}{nearest(run, self.runs)}")
        for table in self.tables:
            for row in table.rows:
                if len(row.published) != len(table.columns):
                    raise ValueError(f"{table.name}, {row.name}: not one figure a column")
                for run in set(row.runs) - set(self.runs):
                    hint = nearest(run, self.runs)
                    raise ValueError(f"{table.name}, {row.name}: no run {run!r}{hint}")
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


def commands(
    name: str, done: Collection[str], overrides: Sequence[str], *, queue: bool
) -> list[str]:
    """The shell commands of the runs of a paper that are not `done`.

    Args:
        name: the paper's name.
        done: runs to leave out.
        overrides: changes of conf/ for every run, such as dataset=twitter2015; a run's own
            override of the same key replaces one of these.
        queue: whether the runs wait (`command`).
    """
    return [
        command(
            experiment_of(name, key),
            joined(overrides, run.overrides()),
            run.system,
            queue=queue,
        )
        for key, run in read_paper(name).runs.items()
        if key not in done
    ]


def _hydra(value: Value) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
