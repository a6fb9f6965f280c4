"""The reading of many lines at a time against the parser's reading of every line alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.knowledge.graph import names as names_module
from pipeline.knowledge.graph.faults import LISTED, Faults
from pipeline.knowledge.graph.names import Names
from pipeline.knowledge.graph.ntriples import read_ntriples
from pipeline.params.graph import Graph as GraphParams
from tests.blocks import of_project

PARAMS = of_project(
    "graph",
    GraphParams,
    labels=["a:label"],
    aliases=["a:alias"],
    redirects=["a:redirect"],
    languages=["en"],
)
NAMING = {"a:label": True, "a:alias": False}
Link = tuple[str, str, str]
Text = tuple[str, str, bool]
Found = tuple[list[Link], list[Text], int, int]

IRIS = [b"a:a", b"a:b", b"http://x/\xc3\xa9", b"a:label", b"a:alias", b"a:redirect"]
# The parser refuses the first ones; it decodes the escape and takes what follows.
ODD_IRIS = [
    *(b"a b", b"a", b"", b"a:{", b"a:%zz", b"\xff:a", b"a:\xff", b"_:n", b"a:a> <a:b", b"a:\\"),
    *(b"a:<", b'a:"', b"a:|", b"a:^", b"a:`", b"a:\x00", b"a:\xef\xbf\xbe", b"a:a\r", b"1:a"),
    *(b"a:\\u00e9", b"a:", b"a:\xc2\xa0", b"A:%41", b"a:\\u0020", b"//x/y", b"a://[::1]", b"a://["),
]
LITERALS = [
    *(b'"x"', b'"x y"@en', b'" x "@EN', b'"x"@fr', b'""', b'"\\u00e9 \\"x\\""@en', b'"a # b . c"'),
    *(
        b'"x"^^<a:type>',
        b'"x"^^<a b>',
        b'"x',
        b'"\xff"',
        b'"x"@',
        b'"x"@en2',
        b'"a" "b"',
        b'"a\rb"',
    ),
    *(b'"\xc3\xa9"@en', b'"\\x"', b'"x"@en <a:g>', b'"x" # "y"', b'"x"@en .\r<a:a> <a:b> <a:b>'),
]
LINES = [
    *(
        b"",
        b"\r",
        b" ",
        b"# a comment",
        b" # one .",
        b"#\r<a:a> <a:b> <a:b> .",
        b"junk",
        b"< < < .",
    ),
    *(b"<a:a> <a:b> ", b"<a:a> <a:b> .", b"<a:a> <a:b> <a:b>", b"<a:a> <a:b> <", b"<a:a>  <a:b> ."),
    *(b"_:n <a:b> _:m .", b"<a:a> _:n <a:b> .", b"<_:n> <a:b> <_:m> .", b"<a:a><a:b><a:b>."),
    *(b"<a:a> <a:b> <a:b> . # more", b"<a:a> <a:b> <a:b> . .", b"<a:a> <a:b> <a:b> <a:g> ."),
    *(
        b"<a:a>\t<a:b>\t<a:b> .",
        b" <a:a> <a:b> <a:b> .",
        b"<a:a> <a:b> <a:b>  .",
        b"<a:a> <a:b>\t.",
    ),
    *(b"<a:a> <a:b> <a:b> .\r<a:b> <a:b> <a:a> .", b"<a:a> <a:b> <a:b> .\x00", b"\xef\xbb\xbf"),
    *(b"<a:a> <a:b> <a:a> . # <a:b> .", b"<a:a> <a:b> <a:a>. .", b"<a:a> <a:b> <a:b> .\r\r"),
]


def one_by_one(lines: list[bytes], path: Path, faults: Faults) -> Found:
    """Each line given to the parser alone."""
    links: list[Link] = []
    texts: list[Text] = []
    count = aside = 0
    for number, line in enumerate(lines, 1):
        try:
            for quad in ox.parse(line, format=ox.RdfFormat.N_TRIPLES):
                count += 1
                relation, target = quad.predicate.value, quad.object
                if not isinstance(target, ox.Literal):
                    links.append((name(quad.subject), relation, name(target)))
                elif relation not in NAMING:
                    aside += 1
                elif target.language in (None, "en"):
                    text = target.value.strip()
                    texts.append((name(quad.subject), text, NAMING[relation]))
        except SyntaxError as error:
            faults.add(path, number, error.msg.split(": ", 1)[1])
    return links, texts, count, aside


def name(node: Any) -> str:
    return node.value if isinstance(node, ox.NamedNode) else f"_:1.{node.value}"


def read(path: Path, faults: Faults, block: int) -> Found:
    names, links, texts = Names(), [], []
    count = aside = 0
    for some in read_ntriples(path, names, PARAMS, faults, "1.", block=block):
        known = names.texts.to_pylist()
        links += [tuple(known[number] for number in link) for link in some.links]
        owners = [known[number] for number in some.texts.owners]
        rows = zip(owners, some.texts.texts.to_pylist(), some.texts.labels.tolist(), strict=True)
        texts += list(rows)
        count, aside = count + some.count, aside + some.aside
    assert len(set(names.texts.to_pylist())) == len(names)
    return links, texts, count, aside


def check(path: Path, lines: list[bytes], block: int, *, ended: bool = True) -> None:
    content = b"\n".join(lines) + (b"\n" if ended else b"")
    path.write_bytes(content)
    expected, found = Faults(), Faults()
    wanted = one_by_one(split(content), path, expected)
    assert read(path, found, block) == wanted
    assert (found.count, found.first) == (expected.count, expected.first)


def split(content: bytes) -> list[bytes]:
    """Lines with their ends."""
    parts = [part + b"\n" for part in content.split(b"\n")]
    return [*parts[:-1], *([parts[-1][:-1]] if parts[-1] != b"\n" else [])]


def triple(parts: tuple[bytes, bytes, bytes], end: bytes) -> bytes:
    subject, relation, target = parts
    return b"<" + subject + b"> <" + relation + b"> " + target + end


iris = st.sampled_from(IRIS) | st.sampled_from(IRIS + ODD_IRIS)
objects = iris.map(lambda iri: b"<" + iri + b">") | st.sampled_from(LITERALS)
ends = st.sampled_from([b" .", b" .", b" .", b" .\r", b".", b" . "])
line = st.builds(triple, st.tuples(iris, iris, objects), ends) | st.sampled_from(LINES)


@settings(max_examples=300, deadline=None)
@given(
    lines=st.lists(line, max_size=25), block=st.sampled_from([1, 60, 1 << 20]), ended=st.booleans()
)
@example(
    lines=[b"<a:a> <a:redirect> <a:a> .", b"<a:a> <a:redirect> <a:b> . # odd"] * 2,
    block=1 << 20,
    ended=False,
)
@example(lines=[triple((b"a:a b", b"a:b", b"<a:b>"), b" .")] * 3, block=60, ended=True)
def test_statements_and_faults_are_those_of_every_line_alone(
    lines: list[bytes], block: int, ended: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.nt"
    # a first line that is a triple: a file whose first lines are none is refused as a whole
    check(path, [b"<a:a> <a:b> <a:b> .", *lines], block, ended=ended)


@settings(max_examples=300, deadline=None)
@given(
    iri=st.one_of(
        st.sampled_from(ODD_IRIS + IRIS),
        st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12).map(
            lambda text: b"a:" + text.encode()
        ),
        st.text('ab:/?#[]@%0F._-\\u{}<>" é', max_size=12).map(str.encode),
        st.binary(max_size=6).map(lambda raw: raw.replace(b"\n", b"")),
    )
)
def test_an_iri_is_what_the_parser_takes_for_one(
    iri: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "iris.nt"
    lines = [b"<a:a> <a:b> <a:b> ."]
    for at in range(3):
        parts = [b"a:a", b"a:b", b"a:c"]
        parts[at] = iri
        lines.append(triple((parts[0], parts[1], b"<" + parts[2] + b">"), b" ."))
    check(path, lines, 1 << 20)


def test_numbers_of_lines_hold_over_many_blocks(tmp_path: Path) -> None:
    bad = triple((b"a:a", b"a:b c", b"<a:b>"), b" .")
    lines = [
        bad if at % 997 == 5 else triple((b"a:%d" % (at % 70), b"a:b", b"<a:%d>" % at), b" .")
        for at in range(5000)
    ]
    check(tmp_path / "many.nt", lines, 4096)
    faults = Faults()
    read(tmp_path / "many.nt", faults, 4096)
    assert faults.count == 6 <= LISTED
    assert [line.split(":")[1] for line in faults.first] == [str(997 * k + 6) for k in range(6)]


def test_a_triple_as_an_object_is_told(tmp_path: Path) -> None:
    path, faults = tmp_path / "quoted.nt", Faults()
    path.write_bytes(b"<a:a> <a:b> <a:c> .\n<a:a> <a:b> <<( <a:a> <a:b> <a:c> )>> .\n")
    assert read(path, faults, 1 << 20)[2] == 1
    assert faults.first == [f"  {path}:2: its object is a triple, which is no entity"]


def test_more_names_than_a_table_holds_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names_module, "LIMIT", 100)
    path = tmp_path / "many.nt"
    path.write_bytes(b"".join(b"<a:%d> <a:b> <a:c> .\n" % at for at in range(50)))
    with pytest.raises(PipelineError, match="take more than 100 bytes"):
        read(path, Faults(), 1 << 20)
