"""Triples into tables: whatever the format, compression and order; bad lines told by number."""

from __future__ import annotations

import bz2
import gzip
import json
import random
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.knowledge.graph.entities import Entity
from pipeline.knowledge.graph.graph import read_graph
from pipeline.knowledge.graph.importing import import_graph
from tests.knowledge.conftest import (
    ALIAS,
    EXAMPLE,
    LABEL,
    NAMING,
    REDIRECT,
    Import,
    edges_of,
    named,
    shown,
    statement,
)

END = len(EXAMPLE)
L, A, R = LABEL[END:], ALIAS[END:], REDIRECT[END:]
LINES = [
    "# a comment",
    named("kobe", L, "Kobe Bryant"),
    named("kobe", A, "Black Mamba"),
    named("kobe", A, "Mamba negra", "@es"),
    named("kobe", "height", "198"),
    "",
    statement("kobe", "isA", "player"),
    statement("kobe", "playsFor", "lakers"),
    statement("kobe", "playsFor", "lakers"),
    named("lakers", L, "Lakers", ""),
]


def test_names_triples_and_neighbours(imported: Import, tmp_path: Path) -> None:
    report = imported(LINES)
    graph = read_graph(tmp_path / "graph")
    assert shown(graph) == {("kobe", "isA", "player"), ("kobe", "playsFor", "lakers")}
    assert list(graph.entities) == [
        Entity(f"{EXAMPLE}kobe", "Kobe Bryant", ("Black Mamba",)),
        Entity(f"{EXAMPLE}lakers", "Lakers", ()),
        Entity(f"{EXAMPLE}player", None, ()),
    ]
    assert graph.degrees.tolist() == [2, 1, 1]
    assert edges_of(graph.adjacency, 0) == [(1, 1, True), (2, 0, True)]
    assert edges_of(graph.adjacency, 1) == [(0, 1, False)]
    assert (report.statements, report.literals, report.faults.count) == (8, 1, 0)
    assert graph.entities[2].text == "player"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_the_order_and_the_compression_change_no_byte(
    imported: Import, tmp_path: Path, pack: object
) -> None:
    def tables() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (tmp_path / "graph").iterdir()}

    imported(LINES)
    before = tables()
    shuffled = LINES.copy()
    random.Random(1).shuffle(shuffled)
    content = b"\xef\xbb\xbf" + ("\r\n".join(shuffled)).encode()
    imported(pack(content), "other.nt")  # type: ignore[operator]
    assert tables() == before


def test_redirects_are_names_of_where_they_lead(imported: Import) -> None:
    report = imported(
        [
            statement("Old_Town", R, "Town"),
            statement("Older", R, "Old_Town"),
            named("Older", L, "The older one"),
            statement("river", "runsBy", "Older"),
            statement("x", R, "y"),
            statement("y", R, "x"),
            statement("z", R, "z"),
            named("Town", L, "Town"),
        ]
    )
    graph = report.graph
    assert shown(graph) == {("river", "runsBy", "Town")}
    town = next(entity for entity in graph.entities if entity.label == "Town")
    assert set(town.aliases) == {"Old Town", "The older one"}
    assert (report.redirects, report.circles) == (2, 3)
    assert {entity.name[END:] for entity in graph.entities} == {"Town", "river", "x", "y", "z"}


def test_self_loops_cycles_and_blank_nodes(imported: Import) -> None:
    lines = [statement("a", "likes", b) for b in "abc"] + [statement("b", "likes", "a")]
    lines.append(f"_:n <{EXAMPLE}likes> _:m .")
    graph = imported(lines).graph
    assert ("a", "likes", "a") in shown(graph)
    assert {"_:m", "_:n"} <= {entity.name for entity in graph.entities}
    assert graph.degrees.sum() == 2 * len(graph.triples) == 10


def test_broken_lines_cost_no_other_line(imported: Import, tmp_path: Path) -> None:
    bad = [
        "not a triple",
        f'<{EXAMPLE}a> <{EXAMPLE}b> "never closed .',
        f"<{EXAMPLE}a b> <{EXAMPLE}b> <{EXAMPLE}c> .",
        f"<{EXAMPLE}a> <{EXAMPLE}b> .",
        '"text" <http://p> <http://o> .',
    ]
    lines = []
    for number in range(60):
        lines.append(statement(f"s{number}", "p", "o"))
        if number % 2:
            lines.append(bad[number // 2 % len(bad)])
    report = imported(lines)
    assert len(report.graph.triples) == 60
    assert report.faults.count == 30
    told = str(report.faults).splitlines()
    assert len(told) == 21
    assert told[-1] == "  … and 10 more"
    wrong = [at for at, line in enumerate(lines, 1) if line in bad]
    named_lines = [int(line.partition("graph.nt:")[2].split(":")[0]) for line in told[:20]]
    assert named_lines == wrong[:20]
    assert json.loads((tmp_path / "graph.json").read_text())["broken_lines"] == 30


def test_bytes_that_are_no_text_are_a_broken_line(imported: Import) -> None:
    line = statement("a", "p", "b").encode()
    report = imported(line + b'\n<http://a> <http://p> "\xff\xfe" .\n' + line + b"\n")
    assert report.faults.count == 1
    assert "graph.nt:2:" in str(report.faults)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"<rdf:RDF>\n</rdf:RDF>\n", "no N-Triples"),
        (b"", "no triple between two entities"),
        (named("a", L, "only a name").encode(), "no triple between two entities"),
        (gzip.compress(b"x" * 100_000, mtime=0)[:40], "cannot be read"),
        (b"BZh9 not so", "cannot be read"),
    ],
)
def test_what_is_no_graph_is_refused(imported: Import, content: bytes, complaint: str) -> None:
    with pytest.raises(PipelineError, match=complaint):
        imported(content)


def test_tab_separated_triples_with_tables_of_names(imported: Import, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "entity.txt").write_text("/m/1\tOne\n/m/1\tUno\n/m/2\tTwo\n/m/9\tAlone\nbroken\n")
    (folder / "relation.txt").write_text("/r/next\tcomes next\n")
    rows = "/m/1\t/r/next\t/m/2\n/m/2\t/r/next\n\n/m/2\t\t/m/1\n/m/2\t/r/back\t/m/1\n"
    report = imported(
        rows.encode(), "dev.tsv", entity_names="entity.txt", relation_names="relation.txt"
    )
    graph = report.graph
    assert [(e.label, e.aliases) for e in graph.entities] == [
        ("One", ("Uno",)),
        ("Two", ()),
        ("Alone", ()),
    ]
    assert list(graph.relation_labels) == ["back", "comes next"]
    assert len(graph.triples) == 2
    assert report.faults.count == 3
    assert "dev.tsv:2: 2 fields, not 3" in str(report.faults)


def test_a_missing_source_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"no such file or folder; set graph\.triples"):
        import_graph(NAMING, tmp_path / "none.nt", tmp_path / "graph", tmp_path / "m.json")
    (tmp_path / "x.rdf").write_text("")
    for source, complaint in ((tmp_path / "x.rdf", r"end it in \.nt"), (tmp_path, "no file of")):
        with pytest.raises(PipelineError, match=complaint):
            import_graph(NAMING, source, tmp_path / "graph", tmp_path / "m.json")


def test_dbpedia_ends_its_triples_in_ttl_and_other_files_are_told(tmp_path: Path) -> None:
    """Once a .ttl beside an .nt was ignored in silence, and its names with it."""
    (tmp_path / "kg").mkdir()
    (tmp_path / "kg" / "objects.nt").write_text(statement("a", "near", "b") + "\n")
    labels = "\n".join(named(name, L, name.upper(), "@en") for name in "ab") + "\n"
    (tmp_path / "kg" / "labels_lang=en.ttl.bz2").write_bytes(bz2.compress(labels.encode()))
    (tmp_path / "kg" / "types.rdf").write_text("")
    (tmp_path / "kg" / ".hidden").write_text("")
    report = import_graph(NAMING, tmp_path / "kg", tmp_path / "graph", tmp_path / "m.json")
    assert report.metrics()["names"] == 2
    assert "\n1 files ignored for their suffix: types.rdf" in str(report)


def test_turtle_with_prefixes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kg.ttl").write_text("@prefix x: <http://x.org/> .\nx:a x:near x:b .\n")
    with pytest.raises(PipelineError, match=r"kg\.ttl: no N-Triples: none of its first 2 lines"):
        import_graph(NAMING, tmp_path / "kg.ttl", tmp_path / "graph", tmp_path / "m.json")


def test_a_graph_without_a_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kg").mkdir()
    lines = [statement("a", "near", "b"), named("a", "title", "A")]
    (tmp_path / "kg" / "objects.nt").write_text("\n".join(lines) + "\n")
    (tmp_path / "kg" / "labels.rdf").write_text("")
    with pytest.raises(
        PipelineError,
        match=r"none of its 2 entities has a name.*graph\.labels.*ignored.*: labels\.rdf$",
    ):
        import_graph(NAMING, tmp_path / "kg", tmp_path / "graph", tmp_path / "m.json")
    assert not (tmp_path / "graph").exists()
