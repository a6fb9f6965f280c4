"""The decoder against a loop written gate by gate."""

import torch
from torch import Tensor

from pipeline.captions.decoder import Decoder
from pipeline.captions.vocabulary import END, PAD, START, UNSAID
from pipeline.params.captioner import DecoderSizes


def make() -> Decoder:
    torch.manual_seed(3)
    sizes = DecoderSizes(width=4, word_width=3, hidden=5, attention_width=4, dropout=0.3)
    return Decoder(sizes, regions=6, words=9).double().eval()


def slow_logits(net: Decoder, grid: Tensor, caption: list[int]) -> list[Tensor]:
    """One image, one caption: attention of Xu et al. 2015 and the LSTM, as written."""
    keys = torch.stack([(net.project.weight @ region + net.project.bias).relu() for region in grid])
    hidden, cell = (net.first.weight @ keys.mean(0) + net.first.bias).tanh().chunk(2)
    told, last = [], START
    for word in caption:
        asked = net.attention.query.weight @ hidden + net.attention.query.bias
        inner = [(net.attention.key.weight @ key + asked).tanh() for key in keys]
        weights = torch.cat([net.attention.score.weight @ one for one in inner]).softmax(0)
        context = sum(weight * key for weight, key in zip(weights, keys, strict=True))
        assert isinstance(context, Tensor)
        given = torch.cat([net.lookup.weight[last], context])
        gates = net.cell.weight_ih @ given + net.cell.bias_ih
        i, f, g, o = (gates + net.cell.weight_hh @ hidden + net.cell.bias_hh).chunk(4)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        told.append(net.tell.weight @ torch.cat([hidden, context]) + net.tell.bias)
        last = word
    return told


def test_the_loss_is_that_of_the_loop_and_sees_no_padding() -> None:
    net, grid = make(), torch.randn(2, 7, 6, dtype=torch.double)
    captions = [[4, 5, 8, END], [7, END]]
    padded = torch.tensor([captions[0], [*captions[1], PAD, PAD]])
    losses = []
    for regions, caption in zip(grid, captions, strict=True):
        told = slow_logits(net, regions, caption)
        losses += [-one.log_softmax(0)[word] for one, word in zip(told, caption, strict=True)]
    slow, fast = torch.stack(losses).mean(), net.loss(grid, padded)
    torch.testing.assert_close(fast, slow)
    weights = list(net.parameters())
    for found, expected in zip(
        torch.autograd.grad(fast, weights), torch.autograd.grad(slow, weights), strict=True
    ):
        torch.testing.assert_close(found, expected)


def test_specials_are_never_said() -> None:
    net, grid = make(), torch.randn(2, 7, 6, dtype=torch.double)
    seen = net.look(grid)
    logs, _ = net.log_step(seen, torch.full((2, 1), START), net.begin(seen[0]))
    assert logs[:, :, UNSAID].isneginf().all()
    torch.testing.assert_close(logs.exp().sum(2), torch.ones(2, 1, dtype=torch.double))
