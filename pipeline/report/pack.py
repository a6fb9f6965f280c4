"""Data inside a page: gzip, then base64; the browser unpacks them (`DecompressionStream`).

pyarrow's own zlib compresses, the same on every machine: Python's comes from the system, and one
version of it may give other bytes than another.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pyarrow as pa

LEVEL = 9


def packed(tree: Any) -> str:
    """A tree of plain values as base64 of the gzip of its JSON."""
    text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    codec = pa.Codec("gzip", compression_level=LEVEL)
    return coded(codec.compress(text.encode("utf-8", "surrogatepass")).to_pybytes())


def coded(content: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(content).decode("ascii")
