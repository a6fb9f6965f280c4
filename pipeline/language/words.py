"""Contextual words of posts: pieces through the network, and back to words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.corpus.normalize import is_url
from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint, Output
from pipeline.language.encoder import Encoder, load_encoder
from pipeline.language.network import Files, States, build, read_files
from pipeline.language.pieces import Pieces, open_pieces
from pipeline.language.windows import Window, windows
from pipeline.parallel import map_in_order
from pipeline.params.context import Encode
from pipeline.published import verify

WORDS = "words"  # the output of such a store
FOLDED = "http"  # as which a URL is read, if it is folded

Row = NDArray[np.float16]  # (T, layers, width)


@dataclass(frozen=True)
class Found:
    """An encoder's files, read and checked against the params, and what it will give."""

    encoder: Encoder
    files: Files
    pieces: Pieces
    params: Encode

    @property
    def fingerprint(self) -> Fingerprint:
        """All that the rows depend on beside the words themselves."""
        params = self.params
        return Fingerprint(
            backbone=self.encoder.name,
            version=self.encoder.version,
            weights_sha256=self.files.sha256,
            preprocessing=f"windows of {params.window} pieces, {params.overlap} shared"
            + (", URLs folded" if params.fold_urls else ""),
            decoder=f"tokenizer {self.pieces.sha256}",
            precision=params.precision,
            outputs={WORDS: Output((len(params.layers), params.width), "float16", ragged=True)},
            facts={
                "config_sha256": self.files.config_sha256,
                "layers": " ".join(map(str, params.layers)),
                "pieces": params.pieces,
            },
        )

    def load(self, device: torch.device, batch: int) -> WordEncoder:
        """The encoder on `device`, which reads at most `batch` windows at a time.

        Raises:
            PipelineError: as `pipeline.language.network.build` raises it.
        """
        params = self.params
        network = build(self.files, params.layers, params.precision, params.window, device)
        return WordEncoder(network, self.pieces, params, device, batch)


def find_words(params: Encode, weights_dir: str | None) -> Found:
    """Find the encoder that params name, and check that it is what they say.

    Raises:
        PipelineError: if a name is unknown, a file is missing, pickled or damaged, or if width,
            layers or the tokenizer do not fit the network.
    """
    encoder = load_encoder(params.encoder)
    folder = encoder.find(params.weights, Path(weights_dir) if weights_dir else None)
    files, pieces = read_files(folder), open_pieces(folder)
    verify(Path(str(folder)), files.sha256, params.sha256, "as the parameter sha256 says")
    width, layers = files.config["hidden_size"], files.config["num_hidden_layers"]
    if width != params.width:
        raise PipelineError(f"{folder}: its words are {width} wide, but params say {params.width}")
    if params.layers[-1] > layers:
        raise PipelineError(
            f"{folder}: has the layers 0 to {layers}, but params ask for {params.layers[-1]}"
        )
    known = files.config["vocab_size"]
    if pieces.count > known:
        raise PipelineError(
            f"{folder}: its tokenizer knows {pieces.count} pieces, its network {known}: it is the"
            " tokenizer of another network"
        )
    return Found(encoder, files, pieces, params)


class WordEncoder:
    """Encodes posts; a row depends neither on the other posts nor on the number of threads.

    Windows of one length go through the network together, so that none is padded. On a CPU each
    thread runs passes of its own.
    """

    def __init__(
        self, network: States, pieces: Pieces, params: Encode, device: torch.device, batch: int
    ) -> None:
        self._network = network
        self._pieces = pieces
        self._params = params
        self._device = device
        self._batch = batch

    def rows(self, posts: Sequence[Sequence[str]]) -> list[Row]:
        """The contextual words of each post, (T, layers, width).

        Words without a piece have zeros. A number may be infinite or NaN: the caller looks.
        """
        shape = len(self._params.layers), self._params.width
        rows: list[Row] = [np.zeros((len(words), *shape), np.float16) for words in posts]

        def one(batch: list[tuple[int, Window]]) -> None:
            if self._device.type == "cpu":
                torch.set_num_threads(1)  # for this thread alone
            states = self._states(torch.tensor([window.ids for _, window in batch]))
            for (place, window), state in zip(batch, states, strict=True):
                for word, (start, stop) in window.taken.items():
                    rows[place][word] = state[start:stop].mean(0)

        threads = torch.get_num_threads()
        workers = threads if self._device.type == "cpu" else 1
        made = map_in_order(one, self._batches(posts), workers=workers, ahead=workers)
        try:
            with closing(made), np.errstate(over="ignore"):
                for _ in made:
                    pass  # each pass has filled the rows of its posts
        finally:  # threads that begin later would else begin with what one thread set for itself
            torch.set_num_threads(threads)
        return rows

    def _batches(self, posts: Sequence[Sequence[str]]) -> Iterator[list[tuple[int, Window]]]:
        """Windows of one length, at most `batch` of them, each with the place of its post."""
        params = self._params
        by_length: dict[int, list[tuple[int, Window]]] = defaultdict(list)
        for place, words in enumerate(posts):
            read = [FOLDED if params.fold_urls and is_url(word) else word for word in words]
            first = params.pieces == "first"
            for window in windows(read, self._pieces, params.window, params.overlap, first):
                by_length[len(window.ids)].append((place, window))
        for length in sorted(by_length, reverse=True):
            held = by_length[length]
            for start in range(0, len(held), self._batch):
                yield held[start : start + self._batch]

    @torch.inference_mode()
    def _states(self, ids: torch.Tensor) -> NDArray[np.float32]:
        """The states of windows (B, T) on the CPU; where memory gives out, of half at a time."""
        try:
            states: NDArray[np.float32] = self._network(ids.to(self._device)).cpu().numpy()
            return states
        except torch.OutOfMemoryError:
            pass  # the error and its tensors are gone from here on
        if len(ids) == 1:
            raise PipelineError(
                f"the memory of {self._device} does not suffice for a single post; free it, or set"
                " runtime.device: cpu"
            )
        torch.cuda.empty_cache()
        half = len(ids) // 2
        return np.concatenate([self._states(ids[:half]), self._states(ids[half:])])
