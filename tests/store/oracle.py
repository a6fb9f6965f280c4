"""Make rows that are known without a store, and run the writer once."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from pipeline.fingerprint import Fingerprint, Output
from pipeline.store.store import Report, Store


def fingerprint(version: int = 1, **outputs: Output) -> Fingerprint:
    return Fingerprint(
        backbone="oracle",
        version=version,
        weights_sha256="0" * 64,
        preprocessing="none",
        decoder="none",
        precision="float32",
        outputs=outputs or {"logits": Output((5,), "float32"), "grid": Output((2, 3), "float16")},
    )


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def keys(numbers: Iterable[int]) -> list[str]:
    return [key(number) for number in numbers]


def row(made: Fingerprint, output: str, of: str) -> np.ndarray:
    """Random bits (NaN and infinity among them) that depend on fingerprint, output and key."""
    form = made.outputs[output]
    seed = f"{made.digest} {output} {of}".encode()
    bits = hashlib.shake_256(seed).digest(form.row_bytes)
    return np.frombuffer(bits, form.stored).reshape(form.shape)


def rows(made: Fingerprint, output: str, of: Sequence[str]) -> np.ndarray:
    form = made.outputs[output]
    return np.array([row(made, output, k) for k in of], form.dtype).reshape(-1, *form.shape)


def extract(
    directory: Path,
    wanted: Iterable[str],
    made: Fingerprint,
    batch: int = 3,
    without: Collection[str] = (),
) -> Report:
    """Do what the extraction loop does."""
    with Store(directory, made) as store:
        todo = [k for k in store.missing(wanted) if k not in without]
        for start in range(0, len(todo), batch):
            part = todo[start : start + batch]
            store.add(part, {name: rows(made, name, part) for name in made.outputs})
        return store.finish(without)


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def fresh(folder: Path, wanted: Iterable[str], made: Fingerprint) -> dict[str, bytes]:
    """The content of a store that was written in one run, somewhere in `folder`."""
    with tempfile.TemporaryDirectory(dir=folder) as made_in:
        extract(Path(made_in) / "store", wanted, made)
        return content(Path(made_in) / "store")


def shards(directory: Path) -> list[Path]:
    return sorted(directory.glob("[0-9]*.h5"))
