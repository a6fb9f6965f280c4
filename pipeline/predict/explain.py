"""What a system looked at in new posts: its weights and gates, and the words it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.predict.links import Made
from pipeline.training.batches import EncodedPosts
from pipeline.training.tagger import Looked, Tagger

DIGITS = 4  # of a weight


def explain(
    reader: Tagger, encoded: EncodedPosts, places: Sequence[int], made: Made, ids: Sequence[str]
) -> list[dict[str, Any]]:
    """For each post at `places`, an object for JSON.

    `looked` has, for each kind of the system's `explain`, a list for each token. Other keys are the
    caches of words: the classes of the picture with their probabilities, its caption, the words of
    hashtags, what the graph says.

    Args:
        reader: the tagger of one seed.
        encoded: a block of posts.
        places: of some of them.
        made: what was made for the block.
        ids: of all posts of the block.
    """
    told: dict[int, Looked] = {}
    for held, looked in reader.explain(encoded, places):
        for at, place in enumerate(held):
            told[place] = {kind: values[at] for kind, values in looked.items()}
    lengths = encoded.lengths()
    return [
        {
            "looked": _weights(told[place], int(lengths[place])),
            **made.told[ids[place]],
        }
        for place in places
    ]


def _weights(looked: Looked, length: int) -> Mapping[str, list[list[float]]]:
    """Kind -> for each token its values up to the first NaN; a kind without any is left out."""
    found = {}
    for kind, values in looked.items():
        rows = [row[~np.isnan(row)].round(DIGITS).tolist() for row in values[:length]]
        if any(rows):
            found[kind] = rows
    return found
