"""Beam search: exact against all captions, the textbook loop for narrow beams, one or many."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from pipeline.captions.beam import Found, State, Step, search

START, END, WORDS = 0, 1, (2, 3, 4)
LIMIT = 3


def model(seed: int, images: int = 4) -> tuple[Step, State]:
    """Log probabilities that depend on the image and on all words so far."""
    table = torch.randn(images, 7, 5, generator=torch.Generator().manual_seed(seed)) * 2
    table[:, :, START] = float("-inf")  # never said

    def step(last: Tensor, state: State) -> tuple[Tensor, State]:
        image, history = state  # (B, K) each
        history = history * 5 + last  # a number for the words so far
        return table[image, history % 7].log_softmax(2), (image, history)

    return step, (torch.arange(images)[:, None], torch.zeros(images, 1, dtype=torch.long))


def rows(state: State, image: int) -> State:
    return tuple(part[image : image + 1] for part in state)


def run(seed: int, width: int, power: float, image: int | None = None) -> Found:
    step, state = model(seed)
    state = state if image is None else rows(state, image)
    return search(step, state, start=START, end=END, width=width, max_words=LIMIT, power=power)


def log_probability(seed: int, image: int, words: tuple[int, ...]) -> float:
    """Of words said one after the other."""
    step, state = model(seed)
    state, total, last = rows(state, image), 0.0, START
    for word in words:
        logs, state = step(torch.tensor([[last]]), state)
        total += logs[0, 0, word].item()
        last = word
    return total


def said(found: Found, image: int = 0) -> tuple[int, ...]:
    return tuple(word for word in found.words[image].tolist() if word)


def ended(seed: int, image: int, words: tuple[int, ...], power: float) -> float:
    return log_probability(seed, image, (*words, END)) / (len(words) + 1) ** power


@pytest.mark.parametrize("power", [0.0, 0.7, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_finds_the_best_of_all_captions(seed: int, power: float) -> None:
    found = run(seed, width=3**LIMIT, power=power)
    captions = [c for n in range(LIMIT + 1) for c in itertools.product(WORDS, repeat=n)]
    for image in range(4):
        scores = {caption: ended(seed, image, caption, power) for caption in captions}
        best = max(scores, key=scores.__getitem__)
        assert said(found, image) == best
        assert math.isclose(found.scores[image].item(), scores[best], abs_tol=1e-5)


def textbook(seed: int, image: int, width: int, power: float) -> tuple[float, tuple[int, ...]]:
    """The search as a loop over one image, without an early end."""
    beam: list[tuple[int, ...]] = [()]
    finished = []
    for _ in range(LIMIT + 1):
        finished += [(ended(seed, image, words, power), words) for words in beam]
        grown = [(*words, word) for words in beam for word in WORDS]
        beam = sorted(grown, key=lambda words: -log_probability(seed, image, words))[:width]
    return max(finished)


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_a_narrow_beam_is_the_textbook_loop(seed: int, width: int) -> None:
    found = run(seed, width, 0.7)
    for image in range(4):
        score, words = textbook(seed, image, width, 0.7)
        assert said(found, image) == words
        assert math.isclose(found.scores[image].item(), score, abs_tol=1e-5)


@pytest.mark.parametrize("width", [1, 3])
def test_many_images_at_once_are_each_alone(width: int) -> None:
    together = run(1, width, 0.7)
    for image in range(4):
        alone = run(1, width, 0.7, image)
        assert torch.equal(together.words[image], alone.words[0])
        torch.testing.assert_close(together.scores[image], alone.scores[0])


def steady(*logs: float) -> Step:
    """Always the same log probabilities."""
    return lambda last, state: (torch.tensor(logs).repeat(*last.shape, 1), state)


def test_length_decides_by_the_power() -> None:
    step, state = steady(-math.inf, -1.0, -0.1), (torch.zeros(1, 1),)
    by_sum, by_mean = (
        search(step, state, start=START, end=END, width=2, max_words=2, power=power)
        for power in (0.0, 1.0)
    )
    assert said(by_sum) == ()
    assert said(by_mean) == (2, 2)


def test_a_caption_ends_at_the_limit_whatever_it_costs() -> None:
    step, state = steady(-math.inf, -50.0, -0.1), (torch.zeros(1, 1),)
    found = search(step, state, start=START, end=END, width=1, max_words=4, power=1.0)
    assert said(found) == (2, 2, 2, 2)
    assert found.scores.item() == pytest.approx((-0.4 - 50) / 5)
