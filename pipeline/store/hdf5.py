"""HDF5 files that may come from anyone: nothing outside the file is read, no code of it is run.

A first epoch opens every shard. So these are low-level calls, which take a fifth of the time of
h5py.File.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import h5py
import numpy as np

from pipeline.fingerprint import Output


def open_file(path: Path) -> h5py.h5f.FileID:
    """Open a file to read it.

    Raises:
        OSError: if the file is missing, or not HDF5.
    """
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    # No lock is needed, since a shard never changes, and some network file systems refuse locks.
    access.set_file_locking(False, True)
    return h5py.h5f.open(os.fsencode(path), h5py.h5f.ACC_RDONLY, fapl=access)


def text_of(file: h5py.h5f.FileID, name: str, longest: int) -> str:
    """An attribute, which must be a text of at most `longest` bytes.

    Raises:
        ValueError, KeyError: if it is not.
    """
    attribute = h5py.h5a.open(file, name.encode())
    if attribute.shape != () or attribute.dtype.kind != "S" or attribute.dtype.itemsize > longest:
        raise ValueError(f"attribute {name!r} is no text")
    value = np.empty((), attribute.dtype)
    attribute.read(value)
    return bytes(value[()]).decode("ascii")


def rows_of(
    file: h5py.h5f.FileID, name: str, rows: int | None, output: Output
) -> h5py.h5d.DatasetID:
    """Open a dataset, which must have `rows` rows (None: any number) of the form of `output`.

    It must lie in this very file, with no soft or external link and no external or virtual storage,
    without a filter, and be no larger than the file.

    Raises:
        ValueError: if it does not.
    """
    if not file.links.exists(name.encode()):
        raise ValueError(f"no dataset {name!r}")
    if file.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise ValueError(f"dataset {name!r} is a link to elsewhere")
    dataset = h5py.h5d.open(file, name.encode())
    plan = dataset.get_create_plist()
    if plan.get_layout() != h5py.h5d.CONTIGUOUS or plan.get_external_count():
        raise ValueError(f"dataset {name!r} is not one whole block of this file")
    shape = (dataset.shape[:1] if rows is None else (rows,)) + output.shape
    if dataset.shape != shape or dataset.dtype != output.stored:
        raise ValueError(
            f"dataset {name!r} holds {dataset.dtype}{dataset.shape}, not {output.stored}{shape}"
        )
    if math.prod(shape) * dataset.dtype.itemsize > file.get_filesize():
        raise ValueError(f"dataset {name!r} promises more bytes than the file has")
    return dataset


def bytes_of(dataset: h5py.h5d.DatasetID) -> bytes:
    """All that a dataset holds."""
    content = np.empty(dataset.shape, dataset.dtype)
    dataset.read(h5py.h5s.ALL, h5py.h5s.ALL, content)
    return content.tobytes()
