"""A tokenizer, asked for the pieces of one word at a time.

Words are given, and no raw text: a piece belongs to the word that it came from, so that nothing
needs to be aligned. Each word is read as one that a space precedes, as tokenizers of bytes and of
sentence pieces expect it. A word may have no piece, as where a tokenizer strips what is invisible.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.language.encoder import Folder

TOKENIZER = "tokenizer.json"
# What a tokenizer without that file may consist of.
PARTS = (
    "vocab.txt",
    "bpe.codes",
    "vocab.json",
    "merges.txt",
    "spm.model",
    "sentencepiece.bpe.model",
    "added_tokens.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
)


@dataclass(frozen=True)
class Pieces:
    """A tokenizer.

    Attributes:
        sha256: of its files.
        before: the special pieces before a post.
        after: those behind it.
        count: how many pieces it knows.
        of: gives the pieces of a word, by number.
    """

    sha256: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    count: int
    of: Callable[[str], tuple[int, ...]]


def open_pieces(folder: Folder) -> Pieces:
    """Open the tokenizer in the folder of an encoder.

    Raises:
        PipelineError: if there is none, or if it is damaged.
    """
    names = [TOKENIZER] if (folder / TOKENIZER).is_file() else PARTS
    files = {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
    if not any(name in files for name in (TOKENIZER, *PARTS[:6])):
        raise PipelineError(f"{folder}: holds no tokenizer, as {TOKENIZER} or {PARTS[0]}")
    parts = "".join(f"{name} {hashlib.sha256(files[name]).hexdigest()}\n" for name in files)
    digest = hashlib.sha256(parts.encode()).hexdigest()
    try:
        if TOKENIZER in files:
            return _of_json(files[TOKENIZER], digest)
        return _of_parts(folder, digest)
    except PipelineError:
        raise
    except Exception as error:  # the libraries raise almost anything for a damaged file
        raise PipelineError(f"{folder}: its tokenizer cannot be read: {error}") from None


def _of_json(content: bytes, digest: str) -> Pieces:
    from tokenizers import Tokenizer  # here: what trains on cached words needs no tokenizer

    tokenizer = Tokenizer.from_str(content.decode())
    tokenizer.no_truncation()  # both are on in some files
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # a post may hold the word [SEP]

    def of(word: str) -> tuple[int, ...]:
        return tuple(tokenizer.encode(f" {word}", add_special_tokens=False).ids)

    before, after = _around(tokenizer.encode(" a").ids, of("a"))
    return Pieces(digest, before, after, tokenizer.get_vocab_size(), cache(of))


def _of_parts(folder: Folder, digest: str) -> Pieces:
    from transformers import AutoTokenizer  # here: it takes seconds

    if not isinstance(folder, Path):
        raise PipelineError(f"{folder}: has no {TOKENIZER}, which a tokenizer in a zip needs")
    tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    tokenizer.split_special_tokens = True

    def of(word: str) -> tuple[int, ...]:
        return tuple(tokenizer.encode(f" {word}", add_special_tokens=False))

    before, after = _around(tokenizer.encode(" a"), of("a"))
    return Pieces(digest, before, after, len(tokenizer), cache(of))


def _around(whole: Sequence[int], inner: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The special pieces before and behind the pieces of a text."""
    for at in range(len(whole) - len(inner) + 1):
        if tuple(whole[at : at + len(inner)]) == tuple(inner):
            return tuple(whole[:at]), tuple(whole[at + len(inner) :])
    raise PipelineError("its special pieces change the text between them")
