"""The vote of seeds, against the enumeration of all tag sequences."""

import itertools

import torch

from pipeline.layers.crf import CRFDecoder
from pipeline.predict.voting import vote

TAGS = ("O", "B-LOC", "I-LOC")


def test_one_seed_votes_as_it_decodes() -> None:
    decoder = CRFDecoder(6, TAGS, constrained=True)
    features, mask = torch.randn(20, 7, 6) * 3, torch.arange(7) < torch.randint(1, 8, (20, 1))
    lengths = mask.sum(1).tolist()
    assert vote([decoder.lattice(features, mask)], lengths) == decoder.decode(features, mask)


def test_two_seeds_vote_by_the_chain_with_their_mean_marginals() -> None:
    decoders = [CRFDecoder(6, TAGS), CRFDecoder(6, TAGS)]
    features, mask = torch.randn(2, 3, 6) * 4, torch.ones(2, 3, dtype=torch.bool)
    lattices = [decoder.lattice(features, mask) for decoder in decoders]
    tokens = sum(lattice.tokens().exp() for lattice in lattices) / 2
    pairs = sum(lattice.pairs().exp() for lattice in lattices) / 2
    for post, found in enumerate(vote(lattices, [3, 3])):
        scores = {}
        for tags in itertools.product(range(len(TAGS)), repeat=3):
            share = tokens[post, 0, tags[0]]
            for t, (a, b) in enumerate(itertools.pairwise(tags)):
                share = share * pairs[post, t, a, b] / tokens[post, t, a]
            scores[tags] = float(share)
        assert tuple(found) == max(scores, key=scores.__getitem__)
        assert abs(sum(scores.values()) - 1) < 1e-9


def test_seeds_that_agree_forbid_what_each_forbids() -> None:
    decoder = CRFDecoder(6, TAGS, constrained=True)
    with torch.no_grad():
        decoder.crf.transitions[0, 2] += 8.0  # tempts it to O, I-LOC
    features, mask = torch.randn(50, 6, 6), torch.ones(50, 6, dtype=torch.bool)
    lattice = decoder.lattice(features, mask)
    for tags in vote([lattice, lattice], [6] * 50):
        assert all((a, b) != (0, 2) for a, b in itertools.pairwise([0, *tags]))
