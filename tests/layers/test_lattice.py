"""The probabilities of tags and spans against the enumeration of every tag sequence."""

import itertools

import pytest
import torch
from torch import Tensor

from pipeline.layers.crf import CRFDecoder, SoftmaxDecoder
from pipeline.layers.lattice import Lattice

TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
LENGTHS = (4, 1, 3)


@pytest.fixture
def features() -> Tensor:
    return torch.randn(len(LENGTHS), 4, 6)


@pytest.fixture
def mask() -> Tensor:
    return torch.arange(4) < torch.tensor(LENGTHS)[:, None]


def decoders() -> list[CRFDecoder | SoftmaxDecoder]:
    torch.manual_seed(3)
    return [CRFDecoder(6, TAGS), CRFDecoder(6, TAGS, constrained=True), SoftmaxDecoder(6, TAGS)]


def enumerated(
    decoder: CRFDecoder | SoftmaxDecoder, emissions: Tensor
) -> dict[tuple[int, ...], float]:
    """The probability of each tag sequence of one post, emissions (T, tags)."""
    scores = {}
    for tags in itertools.product(range(len(TAGS)), repeat=len(emissions)):
        score = sum(emissions[t, tag].double() for t, tag in enumerate(tags))
        if isinstance(decoder, CRFDecoder):
            crf = decoder.crf
            score += crf.start_transitions[tags[0]] + crf.end_transitions[tags[-1]]
            score += decoder.start_penalty[tags[0]]
            for a, b in itertools.pairwise(tags):
                score += crf.transitions[a, b] + decoder.step_penalty[a, b]
        scores[tags] = score
    shares = torch.softmax(torch.stack(list(scores.values())), 0)
    return dict(zip(scores, shares.tolist(), strict=True))


@pytest.mark.parametrize("decoder", decoders(), ids=["crf", "constrained", "softmax"])
def test_every_span_of_every_tags_has_the_probability_of_all_sequences_with_it(
    decoder: CRFDecoder | SoftmaxDecoder, features: Tensor, mask: Tensor
) -> None:
    lattice = decoder.lattice(features, mask)
    for post, length in enumerate(LENGTHS):
        whole = enumerated(decoder, decoder.emissions(features[post, :length]))
        for first, width in itertools.product(range(length), (1, 2, 3)):
            if first + width > length:
                continue
            for tags in itertools.product(range(len(TAGS)), repeat=width):
                wanted = sum(p for all_, p in whole.items() if all_[first : first + width] == tags)
                assert lattice.span(post, first, tags) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("decoder", decoders(), ids=["crf", "constrained", "softmax"])
def test_marginals_of_tokens_and_pairs_are_those_of_the_enumeration(
    decoder: CRFDecoder | SoftmaxDecoder, features: Tensor, mask: Tensor
) -> None:
    lattice = decoder.lattice(features, mask)
    tokens, pairs = lattice.tokens().exp(), lattice.pairs().exp()
    for post, length in enumerate(LENGTHS):
        whole = enumerated(decoder, decoder.emissions(features[post, :length]))
        for t in range(length):
            wanted = torch.zeros(len(TAGS), dtype=torch.float64)
            for tags, share in whole.items():
                wanted[tags[t]] += share
            torch.testing.assert_close(tokens[post, t], wanted, atol=1e-6, rtol=0)
        for t in range(length - 1):
            both = torch.zeros(len(TAGS), len(TAGS), dtype=torch.float64)
            for tags, share in whole.items():
                both[tags[t], tags[t + 1]] += share
            torch.testing.assert_close(pairs[post, t], both, atol=1e-6, rtol=0)


def test_softmax_gives_the_product_of_the_tokens(features: Tensor, mask: Tensor) -> None:
    decoder = SoftmaxDecoder(6, TAGS)
    with torch.no_grad():
        shares = decoder.emissions(features).double().softmax(2)
    found = decoder.lattice(features, mask).span(0, 1, (3, 4, 0))
    assert found == pytest.approx(float(shares[0, 1, 3] * shares[0, 2, 4] * shares[0, 3, 0]))


def test_scores_of_any_size_stay_finite() -> None:
    emissions = torch.tensor([[[900.0, -900.0], [-900.0, 900.0]]])
    none = torch.zeros(2)
    lattice = Lattice(emissions, torch.ones(1, 2, dtype=torch.bool), none, torch.zeros(2, 2), none)
    assert lattice.span(0, 0, (0, 1)) == 1.0
    assert lattice.span(0, 0, (1, 0)) == 0.0
