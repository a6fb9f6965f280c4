"""Beam search over many images at once, with scores normalised by length.

The score of a caption of L words, its end counted as one, is log p / L^power (Wu et al. 2016 call
the power α; 0 leaves the log probability, 1 is the mean per word). A caption ends with the end
word, if need be at the longest length, where nothing else may follow.

At each step every unfinished caption of the beam is tried with the end; of all other continuations
the `width` most probable go on. So the best caption is lost only if a beginning of it is not among
the `width` most probable of its length: with as many as there are beginnings, the search is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

State = tuple[Tensor, ...]  # each part is (B, K, ...): K beginnings for each of B images
# Maps the last words (B, K) and the state to log probabilities (B, K, V) and the next state.
Step = Callable[[Tensor, State], tuple[Tensor, State]]
NEVER = float("-inf")


@dataclass(frozen=True)
class Found:
    """The best caption of each image."""

    words: Tensor  # (B, max_words) long; the end and what follows are 0
    scores: Tensor  # (B,) float: log p / length^power


@torch.no_grad()
def search(
    step: Step,
    state: State,
    *,
    start: int,
    end: int,
    width: int,
    max_words: int,
    power: float,
) -> Found:
    """The best caption of each of B images.

    Args:
        step: the language model.
        state: the state before the first word, with K = 1.
        start: the word that stands before the first.
        end: the word after the last.
        width: K, the beginnings that are kept for each image.
        max_words: the longest caption, its end not counted.
        power: a log probability is divided by length^power.
    """
    images, device = len(state[0]), state[0].device
    last = torch.full((images, 1), start, device=device)  # (B, K)
    logs = torch.zeros(images, 1, device=device)  # (B, K): log p of each beginning
    words = torch.zeros(images, 1, max_words, dtype=torch.long, device=device)  # (B, K, W)
    best = Found(words[:, 0], torch.full((images,), NEVER, device=device))
    for length in range(1, max_words + 2):
        steps, state = step(last, state)  # (B, K, V)
        grown = logs[:, :, None] + steps  # (B, K, V)
        best = _better(best, words, grown[:, :, end] / length**power)
        if length > max_words:
            break
        grown[:, :, end] = NEVER
        kept = min(width, grown.shape[1] * grown.shape[2])
        logs, places = grown.flatten(1).topk(kept)  # (B, K) each
        parents = places // grown.shape[2]  # (B, K)
        last = places % grown.shape[2]  # (B, K)
        words = _rows(words, parents)
        words[:, :, length - 1] = last
        state = tuple(_rows(part, parents) for part in state)
        # A log probability only falls; dividing by the greatest length is the kindest to it.
        hope = logs.amax(1) / (max_words + 1) ** power  # (B,)
        if bool((best.scores >= hope).all()):
            break
    return best


def _better(best: Found, words: Tensor, scores: Tensor) -> Found:
    """The better of `best` and the beginnings (B, K, W) that end with scores (B, K)."""
    top, beam = scores.max(1)  # (B,) each
    wins = top > best.scores  # (B,)
    chosen = _rows(words, beam[:, None])[:, 0]  # (B, W)
    return Found(
        torch.where(wins[:, None], chosen, best.words), torch.where(wins, top, best.scores)
    )


def _rows(values: Tensor, beams: Tensor) -> Tensor:
    """The values (B, J, ...) of beams (B, J), out of values (B, K, ...)."""
    return values[torch.arange(len(values), device=values.device)[:, None], beams]
