"""The stage `graph`: files of statements into tables."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import PipelineError
from pipeline.files import write_json
from pipeline.knowledge.graph.collect import Collector
from pipeline.knowledge.graph.faults import Faults
from pipeline.knowledge.graph.graph import Graph, write_graph
from pipeline.knowledge.graph.lines import table_rows
from pipeline.knowledge.graph.names import Names
from pipeline.knowledge.graph.ntriples import read_ntriples
from pipeline.knowledge.graph.statements import NO_TEXTS, Statements, name_all
from pipeline.params.graph import Graph as GraphParams

PACKED = ("", ".gz", ".bz2")
# DBpedia ends the names of its N-Triples in .ttl; Turtle that has prefixes is refused when read.
NTRIPLES = tuple(kind + packed for kind in (".nt", ".ttl") for packed in PACKED)
TSV = tuple(f".tsv{packed}" for packed in PACKED)
SHOWN = 5
ROWS = 100_000  # so many rows of a table are taken at a time; more once there are more names


@dataclass(frozen=True)
class Report:
    """The findings of an import; `str(report)` is for the terminal."""

    graph: Graph
    files: int
    statements: int
    literals: int  # they name nothing and are not kept
    redirects: int
    circles: int  # redirects that lead back to themselves; they are ignored
    faults: Faults
    ignored: tuple[str, ...]  # other files of the folder

    def metrics(self) -> dict[str, Any]:
        """The counts, for `dvc metrics show`."""
        graph = self.graph
        return {
            "files": self.files,
            "statements": self.statements,
            "broken_lines": self.faults.count,
            "entities": {
                "all": len(graph.entities),
                "without_label": graph.entities.unlabelled,
            },
            "names": graph.entities.texts,
            "relations": len(graph.relations),
            "triples": len(graph.triples),
            "literals_left_aside": self.literals,
            "redirects": {"followed": self.redirects, "in_circles": self.circles},
        }

    def __str__(self) -> str:
        counts = self.metrics()
        entities = counts["entities"]
        lines = [
            f"{self.statements} statements of {self.files} files: {entities['all']} entities"
            f" ({entities['without_label']} without a label), {counts['names']} names,"
            f" {counts['relations']} relations, {counts['triples']} different triples",
            f"{self.literals} literals left aside, {self.redirects} redirects followed,"
            f" {self.circles} in circles, {self.faults.count} broken lines",
        ]
        if self.ignored:
            lines.append(_told(self.ignored))
        return "\n".join([*lines, *([str(self.faults)] if self.faults.count else [])])


def import_graph(params: GraphParams, source: Path, folder: Path, metrics: Path) -> Report:
    """Read a graph and write its tables (`pipeline.knowledge.graph.graph`).

    Args:
        params: see `read_statements`.
        source: see there.
        folder: written, the tables.
        metrics: written, counts as JSON.

    Raises:
        PipelineError: as `read_statements`; or if no entity has a name, without which no post can
            mention it.
    """
    report = read_statements(params, source)
    if not report.graph.entities.texts:
        told = f"; {_told(report.ignored)}" if report.ignored else ""
        raise PipelineError(
            f"{source}: none of its {len(report.graph.entities)} entities has a name, so that no"
            " post can mention one; set graph.labels and graph.languages to the relations and"
            f" languages of its names, or put the file of names beside the triples{told}"
        )
    write_graph(report.graph, folder)
    write_json(metrics, report.metrics())
    return report


def read_statements(params: GraphParams, source: Path) -> Report:
    """Read the files of a graph.

    Args:
        params: which relations name entities, and the tables of names beside the triples.
        source: a file of N-Triples (.nt, or DBpedia's .ttl) or of tab-separated triples (.tsv),
            plain, gzipped or with bzip2; or a folder of such files.

    Raises:
        PipelineError: if there is no file, one cannot be read, or none has a triple.
    """
    faults, collector = Faults(), Collector(params)
    base = source if source.is_dir() else source.parent
    files, ignored = _files(source, {params.entity_names, params.relation_names})
    for place, path in enumerate(files):
        names = Names()
        scope = f"{place}." if place else ""
        collector.add(_statements(path, names, params, faults, scope), names)
    if params.entity_names:
        names = Names()
        collector.add([_entity_names(base / params.entity_names, names, faults)], names)
    labels: dict[str, str] = {}
    if params.relation_names:
        for _, (name, text) in table_rows(base / params.relation_names, 2, faults):
            labels.setdefault(name, text)
    graph, redirects, circles = collector.graph(labels)
    if not len(graph.triples):
        shown = f"; {faults.count} lines are broken:\n{faults}" if faults.count else ""
        raise PipelineError(f"{source}: no triple between two entities{shown}")
    return Report(
        graph,
        len(files),
        collector.statements,
        collector.literals,
        redirects,
        circles,
        faults,
        ignored,
    )


def _files(source: Path, beside: Container[str | None]) -> tuple[list[Path], tuple[str, ...]]:
    """The files of triples, and the names of a folder's other files."""
    if not source.exists():
        raise PipelineError(f"{source}: no such file or folder; set graph.triples to the triples")
    if not source.is_dir():
        return [source], ()
    there = [path for path in sorted(source.iterdir()) if path.name not in beside]
    files = [path for path in there if path.name.endswith((*NTRIPLES, *TSV))]
    if not files:
        raise PipelineError(f"{source}: no file of triples ({', '.join([*NTRIPLES, *TSV])}) in it")
    others = (path.name for path in there if path not in files and path.is_file())
    return files, tuple(name for name in others if not name.startswith("."))


def _told(ignored: Sequence[str]) -> str:
    more = ", …" if len(ignored) > SHOWN else ""
    return f"{len(ignored)} files ignored for their suffix: {', '.join(ignored[:SHOWN])}{more}"


def _statements(
    path: Path, names: Names, params: GraphParams, faults: Faults, scope: str
) -> Iterator[Statements]:
    if path.name.endswith(NTRIPLES):
        return read_ntriples(path, names, params, faults, scope)
    if path.name.endswith(TSV):
        return _read_table(path, names, faults)
    raise PipelineError(
        f"{path}: neither N-Triples nor TSV by its name; end it in .nt, .ttl or .tsv"
    )


def _read_table(path: Path, names: Names, faults: Faults) -> Iterator[Statements]:
    rows = table_rows(path, 3, faults)
    while some := [fields for _, fields in islice(rows, max(ROWS, len(names)))]:
        links = names.encode(list(chain.from_iterable(some))).reshape(-1, 3)
        yield Statements(links, NO_TEXTS, len(links), 0)


def _entity_names(path: Path, names: Names, faults: Faults) -> Statements:
    rows = [fields for _, fields in table_rows(path, 2, faults)]
    entities, texts = [entity for entity, _ in rows], [text for _, text in rows]
    links = np.empty((0, 3), np.int32)
    return Statements(links, name_all(entities, texts, [True] * len(rows), names), 0, 0)
