"""The label index on disk: five tables in a folder, read back as it was built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.errors import PipelineError
from pipeline.knowledge.graph.columns import flat, list_of, lists
from pipeline.knowledge.labels.index import Bags, LabelIndex, Postings
from pipeline.tables.parquet import read_table, write_table

STAGE = "label_index"
SCORER = b"scorer"  # key in the metadata of the schema of forms.parquet
_NUMBERS = list_of(pa.int32())


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns.items()])


FORMS = _schema(form=pa.string(), entities=_NUMBERS, set_length=pa.int32())
BAGS = _schema(length=pa.int32(), mask=pa.uint64(), form=pa.int32())
GRAMS = _schema(forms=_NUMBERS)
WORDS = _schema(word=pa.string(), forms=_NUMBERS)
RANKS = _schema(rank=pa.int32())
TABLES = {"forms": FORMS, "bags": BAGS, "grams": GRAMS, "words": WORDS, "ranks": RANKS}


def write_index(index: LabelIndex, folder: Path) -> None:
    """Write the tables of an index into `folder`."""
    bags = index.bags
    lengths = np.repeat(np.arange(len(bags.starts) - 1), np.diff(bags.starts)).astype(np.int32)
    columns = {
        "forms": [index.forms, _column(index.entities), index.set_lengths],
        "bags": [lengths, bags.masks, bags.forms],
        "grams": [_column(index.grams)],
        "words": [list(index.vocabulary), _column(index.words)],
        "ranks": [index.ranks.astype(np.int32)],
    }
    for name, schema in TABLES.items():
        metadata = {SCORER: index.scorer.encode()} if name == "forms" else None
        write_table(pa.table(columns[name], schema.with_metadata(metadata)), _path(folder, name))


def read_index(folder: Path) -> LabelIndex:
    """Read the tables that `write_index` wrote.

    Raises:
        PipelineError: if one is missing, damaged, or does not name the scorer that it was made for.
    """
    tables = {
        name: read_table(_path(folder, name), schema, STAGE) for name, schema in TABLES.items()
    }
    metadata = tables["forms"].schema.metadata or {}
    if SCORER not in metadata:
        raise PipelineError(
            f"{folder}: does not say for which scorer it was made; run `dvc repro {STAGE}`"
        )
    lengths = tables["bags"]["length"].to_numpy()
    starts = np.concatenate([[0], np.cumsum(np.bincount(lengths))]).astype(np.int64)
    masks, forms = (tables["bags"][name].to_numpy() for name in ("mask", "form"))
    words = tables["words"]["word"].to_pylist()
    return LabelIndex(
        metadata[SCORER].decode(),
        tables["forms"]["form"].to_pylist(),
        _postings(tables["forms"]["entities"]),
        tables["ranks"]["rank"].to_numpy().astype(np.int64),
        Bags(starts, masks, forms),
        _postings(tables["grams"]["forms"]),
        {word: number for number, word in enumerate(words)},
        _postings(tables["words"]["forms"]),
        tables["forms"]["set_length"].to_numpy(),
    )


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"


def _column(postings: Postings) -> pa.Array:
    return lists(postings.starts, postings.items, pa.int32())


def _postings(column: pa.ChunkedArray) -> Postings:
    return Postings(*flat(column))
