"""Keys (the SHA-256 of images, or of the words of posts), and which shard file a key belongs to.

In memory n keys are one sorted NumPy array (n,) of 32-byte strings ("S32"): 32 MB for a million
images, of which a writer or reader may hold three. So whatever needs more than that for a key (its
text takes 113 bytes) is done for CHUNK keys at a time. Comparisons go byte by byte, as on
hexadecimal text. NumPy strips trailing zero bytes from a single element, so elements are never
taken out: whole arrays become hexadecimal at once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeAlias, overload

import numpy as np

from pipeline.fingerprint import Output

Keys: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bytes_]]

WIDTH = 32  # bytes of a key
CHUNK = 1 << 17  # keys that are turned into text, or looked up, at a time
ROWS_A_SHARD = 8  # at most, on average; features/README.md says why
SHARD_BYTES = 1 << 20  # about so many at most, where rows are ragged: those of posts may be small
KEY = re.compile(r"[0-9a-f]{64}")
HEX = re.compile(r"[0-9a-f]*")
SHARD_NAME = re.compile(r"\d{6,9}-of-\d{6,9}\.[0-9a-f]{16}\.h5")


def pack(keys: Iterable[str]) -> Keys:
    """Turn hexadecimal keys into an array (n,), in the order given.

    Raises:
        ValueError: for a key that is not 64 lower-case hexadecimal digits.
    """
    content = bytearray()
    iterator = iter(keys)
    while listed := list(islice(iterator, CHUNK)):
        text = "".join(listed)
        if any(len(key) != 2 * WIDTH for key in listed) or not HEX.fullmatch(text):
            wrong = next(key for key in listed if not KEY.fullmatch(key))
            raise ValueError(
                f"a key is a sha256 in 64 lower-case hexadecimal digits, not {wrong!r}"
            )
        content += bytes.fromhex(text)
    return from_bytes(content)


def unpack(keys: Keys) -> list[str]:
    """The keys as hexadecimal text, in the order of the array."""
    text = keys.tobytes().hex()
    return [text[at : at + 2 * WIDTH] for at in range(0, len(text), 2 * WIDTH)]


class Hexadecimal(Sequence[str]):
    """Keys as hexadecimal text, each made when it is asked for."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return unpack(self._keys[at])
        at = range(len(self))[at]
        return unpack(self._keys[at : at + 1])[0]

    def __iter__(self) -> Iterator[str]:
        for part in chunks(self._keys):
            yield from unpack(part)


def chunks(keys: Keys) -> Iterator[Keys]:
    """Yield the keys in parts of CHUNK."""
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]


def from_bytes(content: bytes | bytearray) -> Keys:
    """View n x 32 bytes as an array (n,)."""
    return np.frombuffer(content, dtype=f"S{WIDTH}")


def ascending(keys: Keys) -> bool:
    """Whether the keys are sorted and none occurs twice."""
    return bool((keys[1:] > keys[:-1]).all())


def rows_a_shard(outputs: Iterable[Output]) -> int:
    """How many rows a shard has at most, on average: 8 of images, as many as fit of ragged rows."""
    listed = list(outputs)
    if not any(output.ragged for output in listed):
        return ROWS_A_SHARD
    fitting = SHARD_BYTES // sum(output.about_bytes for output in listed)
    return max(ROWS_A_SHARD, 1 << max(1, fitting).bit_length() - 1)


def shards_for(rows: int, each: int = ROWS_A_SHARD) -> int:
    """The number of shards of a store of `rows` rows: the smallest power of two >= rows / each."""
    return 1 << max(0, -(-rows // each) - 1).bit_length()


def shard_numbers(keys: Keys, of: int) -> np.ndarray:
    """The shard of each key, (n,) int64: its first log2(of) bits. `of` is a power of two."""
    leading = np.ascontiguousarray(keys).view(">u4").reshape(len(keys), WIDTH // 4)[:, 0]
    return leading.astype(np.int64) >> (32 - (of.bit_length() - 1))


def unique(keys: Keys) -> Keys:
    """Sort the keys and drop repeated ones; `keys` itself is sorted, which saves a copy of them."""
    keys.sort()
    first = np.ones(len(keys), bool)
    first[1:] = keys[1:] != keys[:-1]
    return keys if first.all() else keys[first]


def shard_name(number: int, of: int, digest: str, keys: Keys) -> str:
    """The file name of a shard, e.g. "000003-of-000008.5f0c1c4d7e8a9b10.h5".

    The last part is a hash of the fingerprint's digest and the keys, so that a file name stands for
    one content: a shard never overwrites another, versions may lie side by side while a run is
    under way, and an index cannot be mistaken for that of an older or half-pulled store.
    """
    content = hashlib.sha256(digest.encode() + keys.tobytes()).hexdigest()
    return f"{number:06d}-of-{of:06d}.{content[:16]}.h5"


def is_shard_name(name: str) -> bool:
    """Whether `name` has the form of a shard's name."""
    return SHARD_NAME.fullmatch(name) is not None


def place_of(name: str) -> tuple[int, int]:
    """The number of a shard and the number of all shards, read from the shard's name."""
    number, _, of = name.split(".")[0].split("-")
    return int(number), int(of)


def is_name_of(name: str, digest: str, keys: Keys) -> bool:
    """Whether `name` is the name of a shard with these keys and the fingerprint of `digest`."""
    number, of = place_of(name)
    return (
        of & (of - 1) == 0
        and bool((shard_numbers(keys, of) == number).all())
        and name == shard_name(number, of, digest, keys)
    )


def keys_digest(keys: Keys) -> str:
    """The SHA-256 of all keys, in their order."""
    return hashlib.sha256(np.ascontiguousarray(keys).data).hexdigest()


def positions(keys: Keys, among: Keys) -> np.ndarray:
    """The position of each of `keys` in the sorted `among`, or -1: (n,) int64."""
    if not len(among):
        return np.full(len(keys), -1, np.int64)
    at: Any = np.searchsorted(among, keys)
    at[at == len(among)] = 0
    return np.where(among[at] == keys, at, -1)


def contained(keys: Keys, among: Keys) -> np.ndarray:
    """Whether each of `keys` is in the sorted `among`, (n,) bool."""
    found = [positions(part, among) >= 0 for part in chunks(keys)]
    return np.concatenate(found) if found else np.zeros(0, bool)
