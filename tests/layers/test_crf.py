"""The decoders against enumeration of every tag sequence, and against pytorch-crf."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchcrf import CRF

from pipeline.layers.crf import CRFDecoder, SoftmaxDecoder, bio_penalties, viterbi
from pipeline.layers.likelihood import LogLikelihood
from pipeline.metrics.spans import strict_spans

TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")


def enumerate_scores(decoder: CRFDecoder, emissions: Tensor) -> dict[tuple[int, ...], Tensor]:
    """The unnormalised score of each tag sequence of one post, emissions (T, tags)."""
    crf, found = decoder.crf, {}
    for tags in itertools.product(range(len(TAGS)), repeat=emissions.shape[0]):
        score = crf.start_transitions[tags[0]] + crf.end_transitions[tags[-1]]
        score = score + sum(emissions[t, tag] for t, tag in enumerate(tags))
        score = score + sum(crf.transitions[a, b] for a, b in itertools.pairwise(tags))
        found[tags] = score
    return found


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    features = torch.randn(3, 4, 6)
    tags = torch.randint(len(TAGS), (3, 4))
    mask = torch.arange(4) < torch.tensor([[4], [1], [3]])
    return features, tags * mask, mask


def test_crf_loss_is_the_negative_log_likelihood(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    features, tags, mask = batch
    decoder = CRFDecoder(6, TAGS)
    losses = []
    for post in range(3):
        length = int(mask[post].sum())
        scores = enumerate_scores(decoder, decoder.emissions(features[post, :length]))
        gold = scores[tuple(tags[post, :length].tolist())]
        losses.append(torch.logsumexp(torch.stack(list(scores.values())), 0) - gold)
    torch.testing.assert_close(decoder.loss(features, tags, mask), torch.stack(losses).mean())


@pytest.mark.parametrize("constrained", [False, True])
def test_crf_decodes_the_best_sequence(
    batch: tuple[Tensor, Tensor, Tensor], constrained: bool
) -> None:
    features, _, mask = batch
    decoder = CRFDecoder(6, TAGS, constrained)
    with torch.no_grad():  # transitions that tempt it to break BIO
        decoder.crf.transitions[0, 2] += 3.0
        decoder.crf.start_transitions[4] += 3.0
    before = {name: value.clone() for name, value in decoder.state_dict().items()}
    found = decoder.decode(features, mask)
    for post, tags in enumerate(found):
        length = int(mask[post].sum())
        scores = enumerate_scores(decoder, decoder.emissions(features[post, :length]))
        if constrained:
            scores = {key: score for key, score in scores.items() if valid(key)}
        assert tuple(tags) == max(scores, key=lambda key: scores[key].item())
    for name, value in decoder.state_dict().items():  # decoding leaves the parameters alone
        assert torch.equal(before[name], value)


def drawn(whole: bool, *shape: int) -> Tensor:
    """Random scores; `whole` numbers of a few values have many ties."""
    return torch.randint(-1, 2, shape).float() if whole else torch.randn(shape)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("penalized", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 17])
def test_viterbi_gives_the_tags_of_pytorch_crf_ties_included(
    whole: bool, penalized: bool, steps: int
) -> None:
    crf, n = CRF(len(TAGS), batch_first=True), len(TAGS)
    for _ in range(20):
        with torch.no_grad():
            for weight in crf.parameters():
                weight.copy_(drawn(whole, *weight.shape))
            start, step = bio_penalties(TAGS) if penalized else (torch.zeros(n), torch.zeros(n, n))
            crf.start_transitions += start
            crf.transitions += step
        emissions = drawn(whole, 9, steps, n)
        mask = torch.arange(steps) < torch.randint(1, steps + 1, (9, 1))
        weights = crf.start_transitions, crf.transitions, crf.end_transitions
        assert viterbi(emissions, mask, *weights) == crf.decode(emissions, mask)


def test_decoding_touches_no_weight_and_threads_may_share_a_decoder() -> None:
    decoder = CRFDecoder(6, TAGS, constrained=True)
    features, mask = torch.randn(8, 12, 6), torch.arange(12) < torch.randint(1, 13, (8, 1))
    alone = decoder.decode(features, mask)
    tensors = [*decoder.parameters(), *decoder.buffers()]
    versions = [tensor._version for tensor in tensors]
    with ThreadPoolExecutor(2) as threads:
        together = threads.map(lambda _: decoder.decode(features, mask), range(100))
        assert all(found == alone for found in together)
    assert [tensor._version for tensor in tensors] == versions


def valid(tags: tuple[int, ...]) -> bool:
    """Whether every I- lies in a strict span."""
    names = [TAGS[tag] for tag in tags]
    covered = {t for span in strict_spans(names) for t in range(span.start, span.end)}
    return all(t in covered for t, name in enumerate(names) if name != "O")


def test_penalties_forbid_exactly_what_bio_does() -> None:
    start, step = bio_penalties(TAGS)
    for a, b in itertools.product(range(len(TAGS)), repeat=2):
        pair = (a, b)
        assert (start[a] == 0 and step[a, b] == 0) == valid(pair) or start[a] != 0
    assert [int(s != 0) for s in start] == [0, 0, 1, 0, 1]


def test_softmax_decoder_is_a_sum_over_tokens(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    features, tags, mask = batch
    decoder = SoftmaxDecoder(6, TAGS)
    total = torch.zeros(())
    for post, t in zip(*torch.where(mask), strict=True):
        scores = decoder.emissions(features[post, t])
        total = total + torch.logsumexp(scores, 0) - scores[tags[post, t]]
    torch.testing.assert_close(decoder.loss(features, tags, mask), total / 3)
    lengths = [len(post) for post in decoder.decode(features, mask)]
    assert lengths == mask.sum(1).tolist()


@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    spread=st.sampled_from([0.1, 1.0, 10.0, 100.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_the_likelihood_and_its_gradients_are_those_of_pytorch_crf(
    lengths: list[int], spread: float, seed: int
) -> None:
    random = torch.Generator().manual_seed(seed)
    crf = CRF(len(TAGS), batch_first=True).double()
    for weight in crf.parameters():
        weight.data = spread * torch.randn(weight.shape, generator=random).double()
    shape = (len(lengths), max(lengths), len(TAGS))
    emissions = spread * torch.randn(shape, generator=random).double()
    emissions.requires_grad_()
    mask = torch.arange(shape[1]) < torch.tensor(lengths)[:, None]
    tags = torch.randint(len(TAGS), shape[:2], generator=random)
    weights = [emissions, crf.start_transitions, crf.transitions, crf.end_transitions]
    expected = crf(emissions, tags, mask=mask, reduction="none")
    found = LogLikelihood.apply(*weights, tags, mask)
    torch.testing.assert_close(found, expected)
    shares = torch.rand(len(lengths), generator=random).double()  # posts may count unequally
    torch.testing.assert_close(
        torch.autograd.grad((found * shares).sum(), weights),
        torch.autograd.grad((expected * shares).sum(), weights, materialize_grads=True),
    )
