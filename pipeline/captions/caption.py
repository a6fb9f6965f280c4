"""Captions of all images of a feature store: as numbers, and as a table of phrases."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from pipeline.captions.captioner import GRID, check_features, read_captioner
from pipeline.progress import Mode, progress
from pipeline.store.keys import pack
from pipeline.store.reader import Reader
from pipeline.store.shard import write_shard
from pipeline.tables.phrases import plain, write_phrases

VERSION = 1  # raised when the search comes to mean something else
COMMONEST = 3  # captions that the report shows


@dataclass(frozen=True)
class Report:
    """What was captioned; `str(report)` is for the terminal."""

    captions: tuple[str, ...]

    def __str__(self) -> str:
        empty = sum(not caption for caption in self.captions)
        common = Counter(self.captions).most_common(COMMONEST)
        lines = [f"{len(self.captions)} images captioned, {len(set(self.captions))} different"]
        lines[0] += f", {empty} without a word" if empty else ""
        return "\n".join(lines + [f"  {count} x {caption!r}" for caption, count in common])


def caption(
    store: Path,
    model: Path,
    numbers: Path,
    table: Path,
    *,
    beam_width: int,
    length_power: float,
    max_words: int,
    batch: int,
    device: torch.device,
    mode: Mode = "none",
) -> Report:
    """Caption every image of a store.

    `numbers` is HDF5: `/keys` (n, 32), the sha256 of each image's bytes, ascending; `/words`
    (n, max_words) int32, rows of the model's vocabulary, 0 behind a caption's end; `/score` (n,)
    float32; the attribute `fingerprint`. `table` holds the words, keyed by image, with the columns
    `score` and `caption`.

    Args:
        store: the feature store of the role `caption`.
        model: folder of the captioner.
        numbers: written.
        table: written.
        beam_width: see `beam.search`; so the next two.
        length_power: likewise.
        max_words: likewise.
        batch: images at a time; changes no caption.
        device: where the network runs.
        mode: how progress is shown.

    Raises:
        PipelineError: for a store that is not whole, or features of another network than the
            captioner was trained on.
    """
    reader = Reader(store)
    captioner, weights = read_captioner(model, device)
    check_features(captioner, reader.fingerprint.digest, model, store)
    keys = reader.keys
    words, scores = [], []
    parts = [keys[start : start + batch] for start in range(0, len(keys), batch)]
    for part in progress(parts, len(keys), "images", mode, weight=len):
        grid = reader.rows(GRID, part)
        found = captioner.find(grid, width=beam_width, max_words=max_words, power=length_power)
        words.append(found.words.cpu().numpy().astype(np.int32))
        scores.append(found.scores.cpu().numpy().astype(np.float32))
    rows, score = np.concatenate(words), np.concatenate(scores)  # (n, max_words), (n,)
    said = (
        f"{VERSION} {reader.fingerprint.digest} {weights} {beam_width} {length_power} {max_words}"
    )
    digest = hashlib.sha256(said.encode()).hexdigest()
    write_shard(numbers, pack(keys), {"words": rows, "score": score}, digest)
    captions = [captioner.vocabulary.decode(row) for row in rows.tolist()]
    texts = tuple(" ".join(one) for one in captions)
    further = {"score": pa.array(score), "caption": pa.array(texts, pa.string())}
    phrases = [(key, plain(one)) for key, one in zip(keys, captions, strict=True)]
    write_phrases(table, "image", digest, phrases, further)
    return Report(texts)
