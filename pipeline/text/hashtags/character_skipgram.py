"""Skip-gram over characters: each character's vector learns to predict its neighbours.

Mikolov et al. 2013, applied to characters as in TriMod's equation 9. Characters are so few that the
softmax runs over all of them: nothing is sampled. TriMod prints neither the window, nor the text
that the vectors learn from (here the network's own phrases), nor whether the network goes on
training them (here it does).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.fit.loop import fit
from pipeline.fit.resume import Slot
from pipeline.layers.characters import PAD
from pipeline.params.optimization import Optimization

WINDOW = 2  # characters on either side
HELD_OUT = 0.05  # this share of the pairs chooses the epoch
PAIRS = 4096  # so many pairs are a batch


class SkipGram(nn.Module):
    """Scores all characters as neighbours of one.

    Args:
        vectors: the characters' rows, trained in place; row 0 is padding.
    """

    def __init__(self, vectors: nn.Embedding) -> None:
        super().__init__()
        self.vectors = vectors
        self.neighbours = nn.Linear(vectors.embedding_dim, vectors.num_embeddings, bias=False)

    def loss(self, pairs: Tensor) -> Tensor:
        """The mean cross-entropy of pairs (n, 2): a character and a neighbour of it."""
        scores = self.neighbours(self.vectors(pairs[:, 0]))  # (n, characters)
        return nn.functional.cross_entropy(scores, pairs[:, 1])


def pairs_of(runs: Sequence[Sequence[int]]) -> np.ndarray:
    """Every character with each neighbour within `WINDOW`, as ids (pairs, 2) int64."""
    gap = [PAD] * WINDOW
    line = np.array([number for run in runs for number in [*run, *gap]], dtype=np.int64)
    ahead = [
        np.stack([line[:-step], line[step:]], 1) for step in range(1, min(WINDOW, len(line)) + 1)
    ]
    pairs = np.concatenate([np.concatenate(ahead), np.concatenate(ahead)[:, ::-1]])
    kept: np.ndarray = pairs[(pairs != PAD).all(1)]
    return kept


def pretrain(
    vectors: nn.Embedding,
    runs: Sequence[Sequence[int]],
    options: Optimization,
    random: np.random.Generator,
    slot: Slot | None,
) -> None:
    """Train `vectors` (characters, width), where they are, by skip-gram over runs of ids."""
    device = vectors.weight.device
    pairs = torch.from_numpy(random.permutation(pairs_of(runs))).to(device)  # (pairs, 2)
    count = max(1, int(HELD_OUT * len(pairs)))
    held, rest = pairs[:count], pairs[count:]
    network = SkipGram(vectors).to(device)

    def batches(epoch: int) -> Iterator[Tensor]:
        order = np.random.default_rng([epoch, len(rest)]).permutation(len(rest))
        for start in range(0, len(rest), PAIRS):
            yield rest[torch.from_numpy(order[start : start + PAIRS]).to(device)]

    def score() -> float:
        return (-network.loss(held)).exp().item()

    fit(network, batches, network.loss, score, options, lambda _: None, slot)
