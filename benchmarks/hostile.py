"""Readers of files from strangers, each with valid files to begin from."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from safetensors.torch import save_file

from pipeline.corpus.conll import read_conll
from pipeline.fingerprint import Fingerprint, Output
from pipeline.knowledge.graph.importing import read_statements
from pipeline.params.block import read
from pipeline.params.graph import Graph
from pipeline.params.vocab import Vocab
from pipeline.predict.inputs import read_rows
from pipeline.predict.saved import open_saved_vectors, save_vectors
from pipeline.store.reader import Reader
from pipeline.store.store import Store
from pipeline.systems.system import find_system
from pipeline.tables.parquet import write_table
from pipeline.text.vectors.opened import OpenSource, TextRows, Word2vecRows
from pipeline.text.vectors.package import INDEX, read_package
from pipeline.text.vectors.text import read_text
from pipeline.text.vectors.word2vec import read_word2vec
from pipeline.training.lexicon import Lexicon
from pipeline.training.model import TrainedModel
from pipeline.training.setting import Setting
from pipeline.vision.weights import read_state

PARAMS = Path("params.yaml")
WORDS, WIDTH = ("bob", "ada", ". ."), 3
KEYS = ["0" * 64, "5" * 64, "f" * 64]
LABELS = {"O": "O", "B-PER": "B-PER", "I-PER": "I-PER"}
PACKAGE = "hostile_vectors"


@dataclass(frozen=True)
class Target:
    """A reader of a folder.

    Attributes:
        make: writes valid files into an empty folder.
        read: reads what `make` wrote, as the program does.
    """

    make: Callable[[Path], object]
    read: Callable[[Path], object]


def _writer(**files: bytes) -> Callable[[Path], None]:
    """Write files; in their names `_` stands for a dot."""

    def make(folder: Path) -> None:
        for name, content in files.items():
            (folder / name.replace("_", ".")).write_bytes(content)

    return make


CORPUS = b"IMGID:1\nBob\tB-PER\nmet\tO\n\nIMGID:2\nAda\tB-PER\nKing\tI-PER\n"
TEXT = b"bob 1 2 3\nada 4 5.5 -6e-3\n. . 0 0 1\n"
MATRIX = np.arange(9, dtype="<f4").reshape(3, WIDTH)
BINARY = b"3 3\n" + b"".join(
    word.encode().replace(b" ", b"_") + b" " + row.tobytes() + b"\n"
    for word, row in zip(WORDS, MATRIX, strict=True)
)
TRIPLES = (
    b"<http://x/a> <http://x/r> <http://x/b> .\n"
    b'<http://x/a> <http://www.w3.org/2000/01/rdf-schema#label> "Ada \\u00e9"@en .\n'
    b"_:n <http://x/r> <http://x/a> .\n"
)
ROWS = b'{"text": "Bob met Ada", "image": "a.jpg", "id": 7}\n{"tokens": ["Bob", "met"]}\n'


def _each(one: Callable[[Path], object]) -> Callable[[Path], None]:
    """Read every file of a folder, whose names the mutation does not change."""

    def each(folder: Path) -> None:
        for path in sorted(folder.iterdir()):
            one(path)

    return each


def _text(path: Path) -> None:
    read_text(path, WIDTH, WORDS)
    OpenSource(TextRows(path, WIDTH)).read(WORDS)


def _word2vec(path: Path) -> None:
    read_word2vec(path, WIDTH, WORDS)
    OpenSource(Word2vecRows(path, WIDTH)).read(WORDS)


def _make_package(folder: Path) -> None:
    data = folder / PACKAGE / "data"
    data.mkdir(parents=True)
    np.save(data / "matrix.npy", MATRIX)
    write_table(pa.table([list(WORDS)], INDEX), data / "words.parquet")


def _read_package(folder: Path) -> None:
    (folder / PACKAGE / "__init__.py").touch()
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        read_package(PACKAGE, WIDTH, WORDS)
    finally:
        sys.path.remove(str(folder))
        (folder / PACKAGE / "__init__.py").unlink()


def _make_saved(folder: Path) -> None:
    save_vectors(zip(map(str.encode, WORDS), MATRIX, strict=True), folder, "mine")


def _make_store(folder: Path) -> None:
    outputs = {"pooled": Output((4,), "float32"), "grid": Output((2, 3), "float16")}
    made = Fingerprint("hostile", 1, "0" * 64, "none", "none", "float32", outputs)
    with Store(folder / "tags", made) as store:
        rows = {name: np.zeros((3, *form.shape), form.dtype) for name, form in outputs.items()}
        store.add(list(store.missing(KEYS)), rows)
        store.finish()


def _read_store(folder: Path) -> None:
    reader = Reader(folder / "tags")
    reader.rows("pooled", reader.keys)
    reader.rows("grid", KEYS)


def _make_model(folder: Path) -> None:
    system = find_system("bilstm_crf")
    params = read(PARAMS, "systems.bilstm_crf", system.Params).model_dump()
    params["model"]["hidden"] = 4
    normalization = read(PARAMS, "vocab", Vocab).normalize
    lexicon = Lexicon(
        ("<pad>", "<unk>", "bob"), ("<pad>", "<unk>", "b"), tuple(LABELS), normalization
    )
    setting = Setting("mine", "adam", {"mine": WIDTH}, {})
    model = TrainedModel(
        folder, system, system.Params(**params), [1], lexicon, WIDTH, {}, 0, {}, setting
    )
    model.write()
    model.seed_folder(1).mkdir()
    state = {name: value.contiguous() for name, value in model.build().state_dict().items()}
    save_file(state, model.seed_folder(1) / "weights.safetensors")


def _read_model(folder: Path) -> None:
    model = TrainedModel.read(folder)
    for seed in model.seeds:
        model.network(seed)


def _saved_state(zipped: bool) -> bytes:
    stream = io.BytesIO()
    state = {"weight": torch.zeros(3, 2), "bias": torch.ones(2)}
    torch.save(state, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


def _statements(path: Path) -> None:
    read_statements(read(PARAMS, "graph", Graph), path)


TARGETS: Mapping[str, Target] = {
    "conll": Target(
        _writer(train_txt=CORPUS, bom_txt=b"\xef\xbb\xbf" + CORPUS.replace(b"\n", b"\r\n")),
        _each(lambda path: list(read_conll(path, "train", LABELS))),
    ),
    "vectors_text": Target(
        _writer(a_txt=TEXT, b_txt=b"3 3\n" + TEXT, c_gz=gzip.compress(TEXT)), _each(_text)
    ),
    "vectors_word2vec": Target(_writer(a_bin=BINARY, b_gz=gzip.compress(BINARY)), _each(_word2vec)),
    "vectors_package": Target(_make_package, _read_package),
    "vectors_export": Target(
        _make_saved, lambda folder: open_saved_vectors(folder, "mine").read(WORDS)
    ),
    "triples": Target(
        _writer(
            a_nt=TRIPLES,
            b_tsv=b"Q1\tP1\tQ2\nQ2\tP1\tQ3\n",
            c_nt_gz=gzip.compress(TRIPLES),
            d_ttl_bz2=bz2.compress(TRIPLES),
        ),
        _each(_statements),
    ),
    "shards": Target(_make_store, _read_store),
    "model": Target(_make_model, _read_model),
    "weights": Target(
        _writer(a_pth=_saved_state(True), b_pth=_saved_state(False)), _each(read_state)
    ),
    "predict": Target(
        _writer(
            a_jsonl=ROWS,
            b_csv=b'text,image\n"Bob, met",a.jpg\nAda,\n',
            c_conll=CORPUS,
            d_txt=b"Bob met Ada\nBob\n",
        ),
        _each(lambda path: list(read_rows(path))),
    ),
}
