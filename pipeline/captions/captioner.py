"""A trained captioner on disk, and the captions that it makes of cached regions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pipeline.captions.beam import Found, search
from pipeline.captions.decoder import Decoder
from pipeline.captions.vocabulary import END, START, Vocabulary
from pipeline.errors import PipelineError
from pipeline.files import read_json, sha256_of, write_json
from pipeline.fit.checkpoint import WEIGHTS, load, save
from pipeline.fit.loop import Fitted
from pipeline.params.block import parse
from pipeline.params.captioner import DecoderSizes

FILE = "captioner.json"
GRID = "grid"  # the decoder reads this output of the feature store


@dataclass(frozen=True)
class Captioner:
    """A decoder with its vocabulary.

    Attributes:
        decoder: on its device.
        vocabulary: its words.
        fingerprint: digest of the features that it was trained on.
    """

    decoder: Decoder
    vocabulary: Vocabulary
    fingerprint: str

    def find(self, grid: np.ndarray, *, width: int, max_words: int, power: float) -> Found:
        """The best captions of regions (B, N, regions); see `beam.search`."""
        self.decoder.eval()
        device = next(self.decoder.parameters()).device
        with torch.inference_mode():
            seen = self.decoder.look(torch.from_numpy(grid).to(device, torch.float32))
            return search(
                partial(self.decoder.log_step, seen),
                self.decoder.begin(seen[0]),
                start=START,
                end=END,
                width=width,
                max_words=max_words,
                power=power,
            )

    def words(self, found: Found) -> list[tuple[str, ...]]:
        """The captions as words."""
        return [self.vocabulary.decode(numbers) for numbers in found.words.tolist()]


def write_captioner(
    captioner: Captioner, sizes: DecoderSizes, regions: int, fitted: Fitted, directory: Path
) -> None:
    """Write a trained captioner into the folder of its stage."""
    save(captioner.decoder, fitted, directory)
    tree = {
        "sizes": sizes.model_dump(),
        "regions": regions,
        "words": list(captioner.vocabulary.words),
        "fingerprint": captioner.fingerprint,
    }
    write_json(directory / FILE, tree)


def read_captioner(directory: Path, device: torch.device) -> tuple[Captioner, str]:
    """Read what `write_captioner` wrote, and the digest of its weights.

    Raises:
        PipelineError: if a file is missing or damaged.
    """
    tree = read_json(directory / FILE)
    sizes = parse(tree["sizes"], DecoderSizes, str(directory / FILE))
    decoder = Decoder(sizes, tree["regions"], len(tree["words"]))
    load(decoder, directory)
    captioner = Captioner(decoder.to(device), Vocabulary(tuple(tree["words"])), tree["fingerprint"])
    return captioner, sha256_of(directory / WEIGHTS)


def check_features(captioner: Captioner, fingerprint: str, model: Path, store: Path) -> None:
    """Refuse features of another network than the captioner was trained on."""
    if captioner.fingerprint != fingerprint:
        raise PipelineError(
            f"{model}: trained on features with the fingerprint {captioner.fingerprint[:12]}, but "
            f"{store} holds {fingerprint[:12]}; run `dvc repro train_captioner`"
        )
