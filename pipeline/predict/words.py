"""Words that a model never met: each gets the row that it would have had, had the corpus used it.

In training, words that only dev and test use have their pretrained vector as their row, and no step
changes it. A new word is given its row in the same way, by the same look-up in the same sources. A
word that one of two sources lacks has zeros there (in training, small random numbers). A word that
no source has is the unknown word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.layers.embedding import PAD, WordEmbedding
from pipeline.params.vectors import Vectors
from pipeline.systems.system import System
from pipeline.text.vectors.opened import OpenSource
from pipeline.text.vectors.words import look_up
from pipeline.text.vocab import SPECIALS
from pipeline.training.lexicon import Lexicon, without


class NewWords:
    """Puts the rows of new words behind those of trained ones, for one block of posts at a time.

    Args:
        lexicon: the words that the networks were trained with.
        params: in which forms words are looked up.
        sources: the sources of the model's vectors, in their order; none: new words stay unknown.
        removed: the share of words whose vectors count as not there.
        networks: of all seeds.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        params: Vectors,
        sources: Mapping[str, OpenSource],
        removed: float,
        networks: Sequence[System],
    ) -> None:
        self._lexicon = lexicon
        self._known = {*lexicon.words, *SPECIALS}
        self._params = params
        self._sources = sources
        self._removed = removed
        modules = [module for network in networks for module in network.modules()]
        tables = [module for module in modules if isinstance(module, WordEmbedding)]
        self._tables = [(table, table.lookup.weight.detach()) for table in tables]

    def meet(self, tokens: Iterable[str]) -> Lexicon:
        """Give rows to the new words among `tokens`, in place of those of the last block.

        Returns:
            The lexicon with the new words that have a row.
        """
        words = {self._lexicon.word(token) for token in tokens} - self._known
        if not words or not self._sources:
            return self._lexicon
        parts = [
            without(look_up(self._params, words, source.read)[1], self._removed)
            for source in self._sources.values()
        ]
        found = np.any([part.found for part in parts], axis=0)
        vectors = [part.matrix * part.found[:, None] for part in parts]
        rows = torch.from_numpy(np.concatenate(vectors, 1)[found])  # (new, d)
        for table, trained in self._tables:
            table.lookup = _lookup(trained, rows)
        known = [word for word, has in zip(parts[0].words, found, strict=True) if has]
        return replace(self._lexicon, words=(*self._lexicon.words, *known))


def _lookup(trained: Tensor, rows: Tensor) -> nn.Embedding:
    weights = torch.cat([trained, rows.to(trained.device)])
    made: nn.Embedding = nn.Embedding.from_pretrained(weights, padding_idx=PAD)
    return made
