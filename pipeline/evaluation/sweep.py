"""A system trained with every combination of some values: a table of the scores, and a plot.

`metrics/sweeps/NAME/RUN.json` holds `{"values": {key: value}, "scores": what `Result.details`
gives, "found": the share of posts for which the lookup found knowledge, or null}`; beside these lie
`table.md` and `plot.svg`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.evaluation.experiments import ReadFiles, command
from pipeline.evaluation.markdown import markdown_table, spread
from pipeline.evaluation.plot import Panel, plot
from pipeline.evaluation.results import Result, check_same_corpus, parse_result
from pipeline.evaluation.settings import NOTHING, cautions, flag
from pipeline.files import read_json, write_bytes, write_json
from pipeline.systems.system import find_system

KNOWLEDGE = "features/knowledge.json"  # the counts of the stage `knowledge`
TABLE, PLOT = "table.md", "plot.svg"
Values = dict[str, str]  # key -> value


@dataclass(frozen=True)
class Sweep:
    """Which values a system is trained with."""

    name: str
    system: str
    keys: Mapping[str, Sequence[str]]  # key of params.yaml or group of conf/ -> its values
    fixed: Sequence[str]  # overrides that every run has

    @property
    def runs(self) -> dict[str, Values]:
        """Name of a run -> its values, the last key changing first."""
        combinations = [
            dict(zip(self.keys, values, strict=True)) for values in product(*self.keys.values())
        ]
        return {"-".join(map(_plain, values.values())): values for values in combinations}

    @property
    def knows(self) -> bool:
        """Whether the system reads what the lookup in the knowledge graph finds."""
        return any(read.cache == "knowledge" for read in find_system(self.system).reads)

    def experiment(self, run: str) -> str:
        """The name of a run's DVC experiment."""
        return f"{self.name}-{run}"


@dataclass(frozen=True)
class Swept:
    """A run of a sweep that has been scored."""

    values: Values
    result: Result
    found: float | None  # share of the posts with knowledge, in percent

    def figure(self, split: str) -> float:
        """Strict F1, the mean over the seeds."""
        return self.result.splits[split].aggregate.strict.overall.f1.mean


def sweep_of(system: str, overrides: Sequence[str], name: str | None) -> Sweep:
    """The sweep that overrides of conf/ ask for: keys with several values are swept.

    Args:
        system: the system's name.
        overrides: `KEY=VALUE` for all runs, `KEY=VALUE,VALUE` for what is swept.
        name: the sweep's; None: the system's name and the last parts of the keys.

    Raises:
        PipelineError: for an unknown system, if no key has several values, or if two combinations
            would have one name.
    """
    find_system(system)
    parts = {one: one.partition("=") for one in overrides}
    keys = {key: values for key, _, text in parts.values() if len(values := _split(text)) > 1}
    if not keys:
        raise PipelineError("nothing to sweep: give a key several values, -S KEY=VALUE,VALUE")
    fixed = [one for one, (key, _, _) in parts.items() if key not in keys]
    called = name or "-".join([system, *(key.rpartition(".")[2] for key in keys)])
    sweep = Sweep(_plain(called), system, keys, fixed)
    if len(sweep.runs) < prod(map(len, keys.values())):
        raise PipelineError("two combinations would have one name: give each value once")
    return sweep


def sweep_commands(sweep: Sweep, folder: Path, *, queue: bool) -> list[str]:
    """The shell commands of the runs that have no file in `folder`/NAME (`experiments.command`)."""
    done = read_sweep(sweep, folder)
    return [
        command(
            sweep.experiment(run),
            [*sweep.fixed, *(f"{key}={value}" for key, value in values.items())],
            sweep.system,
            queue=queue,
        )
        for run, values in sweep.runs.items()
        if run not in done
    ]


def collect_sweep(sweep: Sweep, folder: Path, read: ReadFiles) -> str:
    """Write a file for every run whose experiment is there; says which.

    Raises:
        PipelineError: if none is, or one holds no scores of the system.
    """
    details = f"metrics/details/{sweep.system}.json"
    collected: dict[str, Any] = {}
    for run, values in sweep.runs.items():
        left = read(sweep.experiment(run), [details, *([KNOWLEDGE] if sweep.knows else [])])
        if left is not None:
            found = _found(json.loads(left[KNOWLEDGE])) if sweep.knows else None
            document = {"values": values, "scores": json.loads(left[details]), "found": found}
            _swept(document, sweep, values, f"experiment {sweep.experiment(run)}")
            collected[run] = document
    if not collected:
        raise PipelineError(f"no experiment of {sweep.name} has run: run them with --commands | sh")
    for run, document in collected.items():
        write_json(folder / sweep.name / f"{run}.json", document)
    return f"{folder / sweep.name}: runs collected: {', '.join(collected)}"


def read_sweep(sweep: Sweep, folder: Path) -> dict[str, Swept]:
    """The runs of the sweep that have a file in `folder`/NAME.

    Raises:
        PipelineError: for a file that is damaged, or of another system or other values.
    """
    paths = {run: folder / sweep.name / f"{run}.json" for run in sweep.runs}
    return {
        run: _swept(read_json(path), sweep, sweep.runs[run], str(path))
        for run, path in paths.items()
        if path.is_file()
    }


def write_sweep(sweep: Sweep, folder: Path) -> str:
    """Write the table and the plot of what has been collected into `folder`/NAME; gives the table.

    Raises:
        PipelineError: as `read_sweep`, and if two runs were scored on different corpora.
    """
    found, place = read_sweep(sweep, folder), folder / sweep.name
    if found:
        check_same_corpus({str(place / f"{run}.json"): one.result for run, one in found.items()})
    table = _table(sweep, found)
    write_bytes(place / TABLE, table.encode())
    write_bytes(place / PLOT, _plot(sweep, found).encode())
    return f"{table}\n{place / PLOT} plots it.\n"


def _table(sweep: Sweep, found: Mapping[str, Swept]) -> str:
    heads = ["Test F1", "Dev F1", *(["Posts with knowledge"] if sweep.knows else [])]
    rows = [[*sweep.keys, *heads]]
    for run, values in sweep.runs.items():
        cells = [NOTHING] * len(heads)
        if one := found.get(run):
            scores = [one.result.splits[split].aggregate.strict for split in ("test", "dev")]
            cells = [spread(score.overall.f1) for score in scores]
            cells[0] += flag(one.result.setting)
            cells += [f"{one.found:.1f} %"] if one.found is not None else []
        rows.append([*values.values(), *cells])
    shared = f"with {', '.join(sweep.fixed)}" if sweep.fixed else "otherwise as conf/ has it"
    warned = cautions({run: one.result.setting for run, one in found.items()})
    return (
        f"# {sweep.system}, {shared}\n\n{markdown_table(rows, left=range(len(sweep.keys)))}{warned}"
    )


def _plot(sweep: Sweep, found: Mapping[str, Swept]) -> str:
    first, values = next(iter(sweep.keys.items()))
    heights: dict[str, dict[str, dict[str, float]]] = {}  # title -> line -> place -> height
    for one in found.values():
        others = ", ".join(f"{k} {v}" for k, v in one.values.items() if k != first)
        shown = {"Strict F1 of test, percent": one.figure("test")}
        if one.found is not None:
            shown["Posts with knowledge, percent"] = one.found
        for title, height in shown.items():
            line = heights.setdefault(title, {}).setdefault(others or sweep.system, {})
            line[one.values[first]] = height
    return plot([Panel(title, lines) for title, lines in heights.items()], first, values)


def _swept(document: Any, sweep: Sweep, values: Values, where: str) -> Swept:
    try:
        result = parse_result(document["scores"], where)
        one = Swept(document["values"], result, document["found"])
    except (KeyError, TypeError):
        raise PipelineError(f"{where}: not the scores of a run; collect them anew") from None
    if one.values != values or result.system != sweep.system:
        raise PipelineError(
            f"{where}: of {result.system} with {one.values}, not of {sweep.system} with {values}:"
            " give this sweep another --name"
        )
    return one


def _found(counts: Mapping[str, Any]) -> float:
    """The share of posts with knowledge, in percent, out of the counts of the lookup."""
    hits: int = sum(counts["found"].values())
    return 100 * hits / int(counts["posts"])


def _split(text: str) -> list[str]:
    """The values of an override: split at commas, but not at those inside brackets."""
    return re.findall(r"(?:\[[^]]*\]|[^,\[])+", text)


def _plain(text: str) -> str:
    """A part of an experiment's name: Git takes few signs in one."""
    return re.sub(r"[^\w.-]+", "_", text).strip("._")
