"""Triples and captions."""

import bz2
import gzip
import json
from functools import partial

from tests.stages.bad_input.case import Case, Spoil, all_of, put, setting

LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
TRIPLE = "<http://x/a> <http://x/r> <http://x/b> .\n"
NAMED = TRIPLE + f'<http://x/a> {LABEL} "Ada" .\n'


def triples(content: str | bytes) -> Spoil:
    """Make the file of triples."""
    return put("graph.nt", content)


def table(content: str | bytes) -> Spoil:
    """Make it tab-separated, without names."""
    return put("graph.tsv", content)


_triples = partial(Case, run="graph")
TRIPLES = [
    _triples("an empty file", triples(""), "graph.nt: no triple between two entities"),
    _triples(
        "Turtle with prefixes",
        triples("@prefix x: <http://x/> .\nx:a x:r x:b .\n"),
        "graph.nt: no N-Triples: none of its first 2 lines is a triple",
    ),
    _triples(
        "RDF as XML", triples('<?xml version="1.0"?>\n<rdf:RDF/>\n'), "graph.nt: no N-Triples"
    ),
    _triples(
        "literals alone",
        triples(f'<http://x/a> {LABEL} "Ada" .\n'),
        "graph.nt: no triple between two entities",
    ),
    _triples("no name", triples(TRIPLE), "graph.nt: none of its 2 entities has a name"),
    _triples(
        "names of another language",
        all_of(
            triples(TRIPLE + f'<http://x/a> {LABEL} "Ada"@xx .\n'),
            setting("graph", languages=["en"]),
        ),
        "graph.nt: none of its 2 entities has a name",
    ),
    _triples(
        "gzip data cut short",
        triples(gzip.compress(NAMED.encode() * 2000)[:-20]),
        "graph.nt: cannot be read after line ",
    ),
    _triples(
        "bzip2 data that are damaged",
        triples(b"BZh91AY&SY" + bytes(50)),
        "graph.nt: cannot be read after line 0",
    ),
    _triples(
        "150 bytes of bzip2 with a line of 100 MB",
        triples(bz2.compress(bytes(100 << 20))),
        "graph.nt: cannot be read after line 0 (a line of over 1,048,576 bytes)",
    ),
    _triples(
        "broken lines among sound ones",
        triples(NAMED + "<http://x/a> nonsense .\n"),
        "2 statements of 1 files…1 broken lines…graph.nt:3: ",
        counted=True,
    ),
    _triples(
        "an escape sequence in a broken line",
        triples(NAMED + "<http://x/a> \x1b[2J .\n"),
        "2 statements of 1 files…1 broken lines…graph.nt:3: '\\x1b' is not allowed",
        counted=True,
    ),
    _triples(
        "text that is no UTF-8",
        triples(NAMED.encode() + b'<http://x/a> <http://x/r> "\xff" .\n'),
        "2 statements of 1 files…1 broken lines",
        counted=True,
    ),
    Case(
        "a suffix that says nothing",
        put("graph.nq", NAMED),
        "graph.nq: neither N-Triples nor TSV by its name",
        "graph --triples graph.nq",
    ),
    Case(
        "a table of two columns",
        table("a\tr\n"),
        "graph.tsv: no triple between two entities; 1 lines are broken:…2 fields, not 3",
        "graph --triples graph.tsv",
    ),
    _triples(
        "a table of names that is not there",
        all_of(triples(NAMED), setting("graph", entity_names="names.tsv")),
        "names.tsv: no such file",
    ),
    Case(
        "a folder without triples",
        put("triples/readme.txt", "x"),
        "triples: no file of triples (.nt, ",
        "graph --triples triples",
    ),
]


def captions(content: object) -> Spoil:
    """Make the corpus of captions."""
    raw = content if isinstance(content, str | bytes) else json.dumps(content)
    return all_of(put("captions.json", raw), put("features/caption/x", ""))


def coco(file: str, caption: str) -> dict[str, object]:
    """COCO's JSON with one caption."""
    images = [{"id": 1, "file_name": file}]
    return {"images": images, "annotations": [{"image_id": 1, "caption": caption}]}


_captions = partial(Case, run="train_captioner")
CAPTIONS = [
    _captions("no JSON", captions("{"), "captions.json: not COCO's caption format (the file: "),
    _captions(
        "JSON of something else",
        captions({"images": []}),
        "captions.json: not COCO's caption format (annotations: ",
    ),
    _captions(
        "a number as caption",
        captions(coco("a.jpg", 5)),
        "captions.json: not COCO's caption format (annotations.0.caption: ",
    ),
    _captions(
        "text in Latin-1", captions("café".encode("latin-1")), "captions.json: not UTF-8 (byte 3)"
    ),
    _captions(
        "pictures that are not there",
        captions(coco("z.jpg", "a cat")),
        "captions.json: none of its 1 captions can be used; its pictures belong into the"
        " image folder…left out, no such image: 1 (z.jpg: 'a cat')",
    ),
    _captions(
        "captions without a word",
        captions(coco("a.jpg", "!!!")),
        "captions.json: none of its 1 captions can be used…no words",
    ),
    _captions(
        "captions that are too long",
        captions(coco("a.jpg", "cat " * 99)),
        "captions.json: none of its 1 captions can be used…too long",
    ),
    Case(
        "a CSV",
        all_of(captions(""), put("captions.csv", "image,caption\na.jpg,a cat\n")),
        "captions.csv: none of its 2 captions can be used; captions are COCO's JSON…or"
        " Flickr8k's lines",
        "train_captioner --captions captions.csv",
    ),
    _captions(
        "JSON nested 100,000 deep",
        captions("[" * 100_000),
        "captions.json: not COCO's caption format (the file: ",
    ),
]
