"""Tables of phrases: read as they were written, refused where they are none."""

from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint, Output
from pipeline.tables.image_words import write_image_words
from pipeline.tables.parquet import write_table
from pipeline.tables.phrases import (
    FACTS,
    FINGERPRINT,
    KEYED_BY,
    NONE,
    SCHEMA,
    WeightedWords,
    plain,
    read_phrases,
    write_phrases,
)

ROWS = [
    ("train/1", plain(["basketball", "player"])),
    ("train/0", WeightedWords(("city", "in", "Japan"), (0.5, 0.25, 0.0))),
    ("train/2", NONE),
    ("train/1", plain(["club"])),
]
WORDS = st.lists(st.text(min_size=1).filter(str.strip), max_size=4)
PHRASES = st.builds(lambda words: plain(words), WORDS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "knowledge.parquet"


def test_a_table_reads_back_with_the_rows_of_a_key_joined(path: Path) -> None:
    facts = {"graph": "Łódź", "backbone": "tiny"}
    write_phrases(path, "post", "f00d", ROWS, {"hop": pa.array([1, 0, None, 2])}, facts)
    table = read_phrases(path)
    assert (table.keyed_by, table.fingerprint, table.facts) == ("post", "f00d", facts)
    assert table.rows == {
        "train/0": ROWS[1][1],
        "train/1": plain(["basketball", "player", "club"]),
        "train/2": NONE,
    }
    stored = pq.read_table(path)
    assert stored["key"].to_pylist() == ["train/0", "train/1", "train/1", "train/2"]
    assert stored["hop"].to_pylist() == [0, 1, 2, None]


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(st.text(min_size=1), PHRASES, max_size=5), st.randoms())
def test_bytes_depend_on_the_rows_alone(
    tmp_path_factory: pytest.TempPathFactory, rows: dict[str, WeightedWords], random: Random
) -> None:
    folder = tmp_path_factory.mktemp("phrases")
    shuffled = list(rows.items())
    random.shuffle(shuffled)
    write_phrases(folder / "a.parquet", "token", "", list(rows.items()))
    write_phrases(folder / "b.parquet", "token", "", shuffled)
    assert (folder / "a.parquet").read_bytes() == (folder / "b.parquet").read_bytes()
    assert read_phrases(folder / "a.parquet").rows == rows


def test_image_words_are_phrases_whose_names_share_a_probability(path: Path) -> None:
    outputs = {"logits": Output((4,), "float32")}
    network = Fingerprint("tiny", 1, "0" * 64, "none", "none", "float32", outputs)
    names = ["tench", "great white shark", "hen"]
    probabilities = [[0.75, 0.25], [0.5, 0.375]]
    write_image_words(path, ["a" * 64, "b" * 64], [[1, 0], [0, 2]], probabilities, names, network)
    table = read_phrases(path)
    assert (table.keyed_by, table.fingerprint) == ("image", network.digest)
    assert table.facts == {"backbone": "tiny"}
    assert table.rows == {
        "a" * 64: WeightedWords(("great", "white", "shark", "tench"), (0.25, 0.25, 0.25, 0.25)),
        "b" * 64: WeightedWords(("tench", "hen"), (0.5, 0.375)),
    }


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (("", ["a"], [1.0]), "has an empty key or word"),
        (("k", ["a", " "], [1.0, 1.0]), "has an empty key or word"),
        (("k", ["a"], []), "has other than one weight for each word"),
        (("k", None, None), "has other than one weight for each word"),
        (("k", ["a"], [-1.0]), "has a weight that is negative or not finite"),
        (("k", ["a"], [float("nan")]), "has a weight that is negative or not finite"),
    ],
)
def test_a_row_that_is_no_phrase_is_named(
    path: Path, row: tuple[str, list[str], list[float]], complaint: str
) -> None:
    columns = [[value] for value in row]
    metadata = {KEYED_BY: b"post", FINGERPRINT: b"00", FACTS: b"{}"}
    write_table(pa.table(columns, SCHEMA.with_metadata(metadata)), path)
    with pytest.raises(
        PipelineError, match=f"knowledge.parquet: row 0, key '{row[0]}': {complaint}"
    ):
        read_phrases(path)
    if row[1] is not None:
        with pytest.raises(ValueError, match=complaint):
            write_phrases(path, "post", "00", [(row[0], WeightedWords(tuple(row[1]), row[2]))])


def test_what_is_no_table_of_phrases_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no such file; run `dvc repro knowledge`"):
        read_phrases(path)
    write_table(pa.table({"key": ["a"], "weights": [[1.0]]}), path)
    with pytest.raises(PipelineError, match=r"expected columns key \(string\), words"):
        read_phrases(path)
    whole = {KEYED_BY: b"post", FINGERPRINT: b"00", FACTS: b"{}"}
    without = [{key: whole[key] for key in whole if key != left} for left in whole]
    for metadata in ({}, whole | {KEYED_BY: b"planet"}, *without):
        write_table(pa.table([["a"], [["b"]], [[1.0]]], SCHEMA.with_metadata(metadata)), path)
        with pytest.raises(PipelineError, match="does not say what its keys are"):
            read_phrases(path)
