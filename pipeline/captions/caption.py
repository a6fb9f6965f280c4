"""Captions of all images of a feature store: as numbers, and as a table of phrases.

TriMod (Alfaqeeh 2024, IV-B) trains its decoder to predict the next word, and does not print how a
caption is then found: the beam, the division by length and the limit of words are ours.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.captions.beam import Found
from pipeline.captions.captioner import GRID, Captioner, check_features, read_captioner
from pipeline.device import steady_device
from pipeline.fingerprint import digest
from pipeline.params.caption import Caption
from pipeline.params.runtime import Runtime
from pipeline.progress import progress
from pipeline.store.keys import pack
from pipeline.store.reader import Reader
from pipeline.store.shard import write_shard
from pipeline.tables.phrases import plain, write_phrases

VERSION = 1  # raised when the meaning of the search changes
COMMONEST = 3  # the report shows so many captions


@dataclass(frozen=True)
class Report:
    """The captions made; `str(report)` is for the terminal."""

    captions: tuple[str, ...]

    def __str__(self) -> str:
        empty = sum(not caption for caption in self.captions)
        common = Counter(self.captions).most_common(COMMONEST)
        lines = [f"{len(self.captions)} images captioned, {len(set(self.captions))} different"]
        lines[0] += f", {empty} without a word" if empty else ""
        return "\n".join(lines + [f"  {count} x {caption!r}" for caption, count in common])


@dataclass(frozen=True)
class Files:
    """The files that the stage `caption` reads and writes."""

    store: Path  # the feature store of the role `caption`
    model: Path  # the captioner's folder
    numbers: Path  # written
    captions: Path  # written


def caption(params: Caption, runtime: Runtime, files: Files) -> Report:
    """Caption every image of a store.

    `numbers` is HDF5: `/keys` (n, 32), the sha256 of each image's bytes, ascending; `/words`
    (n, max_words) int32, rows of the model's vocabulary, 0 after a caption's end; `/score` (n,)
    float32; the attribute `fingerprint`. `captions` is a table of the words, keyed by image, with
    the columns `score` and `caption`.

    Args:
        params: the search; see `beam.search`.
        runtime: the device, the images captioned at a time, and how progress is shown; changes no
            caption.
        files: read and written.

    Raises:
        PipelineError: for a store that is not whole, or features of another network than the
            captioner was trained on.
    """
    reader = Reader(files.store)
    device = steady_device(runtime.device, runtime.deterministic)
    captioner, weights = read_captioner(files.model, device)
    check_features(captioner, reader.fingerprint.digest, files.model, files.store)
    keys = reader.keys
    words, scores = [], []
    parts = [keys[at : at + runtime.batch] for at in range(0, len(keys), runtime.batch)]
    for part in progress(parts, len(keys), "images", runtime.progress, weight=len):
        found = find_captions(captioner, params, reader.rows(GRID, part))
        words.append(found.words.cpu().numpy().astype(np.int32))
        scores.append(found.scores.cpu().numpy().astype(np.float32))
    rows, score = np.concatenate(words), np.concatenate(scores)  # (n, max_words), (n,)
    fingerprint = fingerprint_of(params, reader.fingerprint.digest, weights)
    write_shard(files.numbers, pack(keys), {"words": rows, "score": score}, fingerprint)
    captions = [captioner.vocabulary.decode(row) for row in rows.tolist()]
    texts = tuple(" ".join(one) for one in captions)
    further = {"score": pa.array(score), "caption": pa.array(texts, pa.string())}
    phrases = [(key, plain(one)) for key, one in zip(keys, captions, strict=True)]
    facts = {"backbone": reader.fingerprint.backbone}
    write_phrases(files.captions, "image", fingerprint, phrases, further, facts)
    return Report(texts)


def find_captions(captioner: Captioner, params: Caption, grid: np.ndarray) -> Found:
    """The captions of regions (B, N, regions), searched for as `params` say."""
    return captioner.find(
        grid, width=params.beam_width, max_words=params.max_words, power=params.length_power
    )


def fingerprint_of(params: Caption, features: str, weights: str) -> str:
    """A digest of all that captions are made from: that of the features, that of the weights."""
    made_from = {"version": VERSION, "features": features, "captioner": weights}
    return digest({**made_from, "search": params.model_dump()})
