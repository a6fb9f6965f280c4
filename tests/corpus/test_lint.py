"""Each kind of small fault, planted once, found once."""

from collections import Counter
from pathlib import Path

from pipeline.corpus.bio import accepted_labels
from pipeline.corpus.conll import read_conll
from pipeline.corpus.lint import KINDS, lint
from pipeline.corpus.posts import Post

TYPES = ["LOC", "ORG", "PER"]


def post(name: str, tokens: str, labels: str, line: int = 1) -> Post:
    return Post(
        name, name.split("/")[0], None, tuple(tokens.split(" ")), tuple(labels.split()), line
    )


CLEAN = [
    post("train/0", "Ann saw Rome and IBM", "B-PER O B-LOC O B-ORG"),
    post("dev/0", "Bob saw Paris and SAP", "B-PER O B-LOC O B-ORG"),
    post("test/0", "Eve saw Bonn and NEC", "B-PER O B-LOC O B-ORG"),
]


def found(*posts: Post) -> list[str]:
    return [f"{finding.kind}: {finding}" for finding in lint([*CLEAN, *posts], TYPES)]


def test_a_clean_corpus_has_no_findings() -> None:
    assert found() == []


def test_faults_within_a_post() -> None:
    posts = [
        post("train/1", "a b c d e", "I-PER O I-LOC B-PER I-ORG", 7),
        post("dev/1", "\xa0 x\xa0 \u200e\ufe0f", "O O O", 8),
        post("test/1", "a" + " b" * 35, "O " * 36, 9),
        post("test/2", "a" + " b" * 34, "O " * 35, 10),
    ]
    assert found(*posts) == [
        "orphan: train/1 (line 7): token 1 'a': I-PER after nothing",
        "orphan: train/1 (line 7): token 3 'c': I-LOC after O",
        "type_change: train/1 (line 7): token 5 'e': I-ORG after B-PER",
        r"invisible: dev/1 (line 8): token 1 '\xa0': nothing of it is seen",
        r"invisible: dev/1 (line 8): token 3 '\u200e️': nothing of it is seen",
        "long: test/1 (line 9): 36 tokens",
    ]


def test_posts_that_repeat_another_split() -> None:
    posts = [
        post("test/1", "a b", "O O", 5),
        post("test/2", "a b", "O O", 9),
        post("dev/1", "a b", "B-PER O", 3),
        post("train/1", "c", "O", 4),
        post("train/2", "c", "O", 6),  # it repeats a post of its own split, which is no leak
    ]
    assert found(*posts) == [
        "duplicate: test/1 (line 5): the same tokens as dev/1 (line 3), other labels",
        "duplicate: test/2 (line 9): the same tokens as dev/1 (line 3), other labels",
    ]


def test_types_that_a_split_lacks() -> None:
    posts = [CLEAN[0], CLEAN[1], post("test/0", "Eve saw Bonn", "B-PER O B-LOC")]
    assert [str(finding) for finding in lint(posts, [*TYPES, "ART"])] == [
        "test: no ORG in it, though in train, dev",
        "corpus: no ART in any split",
    ]


def test_twitter2015(shared_data: Path) -> None:
    accepted = accepted_labels(["PER", "LOC", "ORG", "OTHER"], {})
    posts = [
        row
        for split in ("train", "dev", "test")
        for row in read_conll(shared_data / "twitter2015" / f"{split}.txt", split, accepted)
        if isinstance(row, Post)
    ]
    findings = lint(posts, ["PER", "LOC", "ORG", "OTHER"])
    counts = Counter((finding.kind, finding.split) for finding in findings)
    table = {kind: [counts[kind, split] for split in ("train", "dev", "test")] for kind in KINDS}
    assert table == {
        "orphan": [176, 53, 131],
        "type_change": [11, 1, 6],
        "invisible": [0, 1, 0],
        "long": [3, 1, 1],
        "duplicate": [0, 2, 6],
        "unseen_type": [0, 0, 0],
    }
