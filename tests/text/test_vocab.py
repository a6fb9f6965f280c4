"""Vocabularies: their order, their specials, what is refused, the command line."""

import itertools
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from pipeline.corpus.normalize import normalize
from pipeline.corpus.posts import Post, read_posts, write_posts
from pipeline.corpus.prepare import prepare
from pipeline.errors import PipelineError
from pipeline.params.prepare import Prepare
from pipeline.params.vocab import Normalize, Vocab
from pipeline.text.vocab import Vocabulary, build_vocab
from stages.vocab import main
from tests.blocks import of_project

FORM = Normalize(lowercase=True, urls=True, users=True, digits=False)


def post(split: str, tokens: list[str], labels: list[str] | None = None) -> Post:
    labels = labels or ["O"] * len(tokens)
    return Post(f"{split}/0", split, None, tuple(tokens), tuple(labels), 1)


POSTS = [
    post("train", ["Rome", "rome", "ROME", "@a", "@b", "b", "a", "é"], ["B-PER"] + ["O"] * 7),
    post("train", ["http://t.co/x", "a", "<pad>", "<unk>"]),
    post("dev", ["Paris", "a"], ["B-LOC", "I-ORG"]),
]


PREPARE = {"entity_types": ["PER"], "rename": {}, "untyped": False}


def vocab_of(splits: tuple[str, ...], min_count: int) -> Vocab:
    return of_project(
        "vocab", Vocab, splits=splits, min_count=min_count, normalize=FORM.model_dump()
    )


def build(
    folder: Path,
    posts: list[Post] = POSTS,
    splits: tuple[str, ...] = ("train",),
    n: int = 1,
    types: tuple[str, ...] = ("PER",),
) -> str:
    write_posts(posts, folder / "posts.parquet")
    return str(build_vocab(vocab_of(splits, n), types, folder / "posts.parquet", folder))


def rows(path: Path) -> list[tuple[str, int]]:
    table = pq.read_table(path)
    assert table["id"].to_pylist() == list(range(table.num_rows))
    return list(zip(table["entry"].to_pylist(), table["count"].to_pylist(), strict=True))


def test_order_specials_and_counts(tmp_path: Path) -> None:
    report = build(tmp_path)
    assert rows(tmp_path / "words.parquet") == [
        ("<pad>", 0),
        ("<unk>", 2),  # the tokens that are spelled like the specials
        ("rome", 3),
        ("<user>", 2),
        ("a", 2),
        ("<url>", 1),
        ("b", 1),
        ("é", 1),
    ]
    chars = rows(tmp_path / "chars.parquet")
    assert chars[:2] == [("<pad>", 0), ("<unk>", 0)]
    counts = Counter("".join(token for one in POSTS[:2] for token in one.tokens))
    assert chars[2:] == sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    assert ("R", 2) in chars  # characters stand as in the tokens
    assert rows(tmp_path / "labels.parquet") == [("O", 11), ("B-PER", 1), ("I-PER", 0)]
    assert report == (
        "8 words (2 tokens of rarer ones are unknown), 28 characters, 3 labels (O, B-PER, I-PER),"
        " from 2 posts of train"
    )


def test_rare_words_are_unknown_and_characters_are_all_kept(tmp_path: Path) -> None:
    build(tmp_path, n=2)
    words = Vocabulary.read(tmp_path / "words.parquet")
    assert words.entries == ("<pad>", "<unk>", "rome", "<user>", "a")
    assert rows(tmp_path / "words.parquet")[1] == ("<unk>", 5)
    assert "é" in Vocabulary.read(tmp_path / "chars.parquet").entries


@pytest.mark.parametrize("splits", [("train",), ("train", "dev")])
def test_labels_are_those_of_all_types_wherever_they_occur(
    tmp_path: Path, splits: tuple[str, ...]
) -> None:
    """A type that only another split has was refused once, after hours of training."""
    build(tmp_path, splits=splits, types=("PER", "ORG", "LOC"))
    labels = Vocabulary.read(tmp_path / "labels.parquet")
    assert labels.entries == ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER")


def test_look_up(tmp_path: Path) -> None:
    build(tmp_path)
    words = Vocabulary.read(tmp_path / "words.parquet")
    assert len(words) == 8
    assert [words.id(entry) for entry in words.entries[1:]] == list(range(1, 8))
    assert words.id("never seen") == 1
    assert words.id("<pad>") == 1  # a word that is looked up is never padding
    assert words.normalization == FORM
    labels = Vocabulary.read(tmp_path / "labels.parquet")
    assert [labels.id(label) for label in ("O", "B-PER", "I-PER")] == [0, 1, 2]
    with pytest.raises(PipelineError) as error:
        labels.id("B-LOC", "dev/0")
    assert str(error.value) == (
        f"dev/0: 'B-LOC' is not in {tmp_path / 'labels.parquet'} (O, B-PER, I-PER);"
        " run `dvc repro vocab`"
    )
    with pytest.raises(PipelineError, match="holds no word normalisation"):
        _ = labels.normalization


def test_equal_posts_in_any_order_give_equal_bytes(tmp_path: Path) -> None:
    found = set()
    for n, order in enumerate(itertools.permutations(POSTS)):
        build(tmp_path / str(n), list(order), ("train", "dev"))
        names = ("words", "chars", "labels")
        found.add(b"".join((tmp_path / str(n) / f"{name}.parquet").read_bytes() for name in names))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("splits", "n", "message"),
    [
        (("test",), 1, r"posts\.parquet: no post of vocab\.splits \(test\)"),
        (("train",), 4, "vocab.min_count is 4, but the most frequent word of train occurs 3 times"),
    ],
)
def test_an_empty_vocabulary_is_refused(
    tmp_path: Path, splits: tuple[str, ...], n: int, message: str
) -> None:
    with pytest.raises(PipelineError, match=message):
        build(tmp_path, splits=splits, n=n)
    assert not (tmp_path / "words.parquet").exists()


def test_twitter2015_against_plain_counting(shared_data: Path, tmp_path: Path) -> None:
    files = {s: shared_data / "twitter2015" / f"{s}.txt" for s in ("train", "dev", "test")}
    posts_path = tmp_path / "posts.parquet"
    prepare(
        files,
        posts_path,
        tmp_path / "posts.json",
        Prepare(entity_types=["PER", "LOC", "ORG", "OTHER"], rename={}, untyped=False),
    )
    build_vocab(vocab_of(("train",), 2), ["PER", "LOC", "ORG", "OTHER"], posts_path, tmp_path)
    train = [one for one in read_posts(posts_path) if one.split == "train"]
    counts = Counter(normalize(token, FORM) for one in train for token in one.tokens)
    kept = {word: n for word, n in counts.items() if n >= 2}
    words = rows(tmp_path / "words.parquet")
    assert dict(words[2:]) == kept
    assert words[1][1] == sum(counts.values()) - sum(kept.values())
    assert words[2] == ("<url>", 5168)
    labels = dict(rows(tmp_path / "labels.parquet"))
    assert sum(n for label, n in labels.items() if label.startswith("B-")) == 6176


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_posts(POSTS, Path("posts.parquet"))
    arguments = ["--posts", "posts.parquet", "--vocab", "vocab"]

    def params(**changes: object) -> None:
        block = of_project("vocab", Vocab).model_dump() | changes
        Path("params.yaml").write_text(yaml.safe_dump({"vocab": block, "prepare": PREPARE}))

    params(splits=["train", "dev"], normalize=FORM.model_dump() | {"users": False})
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "@a" in Vocabulary.read(Path("vocab/words.parquet")).entries
    params(min_counts=3)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert result.output == (
        "Error: params.yaml: vocab: unknown key 'min_counts' (did you mean 'min_count'?);"
        " known: min_count, normalize, splits\n"
    )
    Path("posts.parquet").write_bytes(b"PAR1")
    params()
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert result.output.startswith("Error: posts.parquet: not a sound Parquet file (")
    assert result.output.count("\n") == 1
