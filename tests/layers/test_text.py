"""The text side: each layer against a slow form, and padding that changes nothing."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from pipeline.layers.characters import CharacterCNN, Padding, of_each_word
from pipeline.layers.embedding import PAD, UNKNOWN, WordEmbedding
from pipeline.layers.recurrent import BiGRU, BiLSTM, reorder, reversal

LENGTHS = [5, 1, 3]


def mask_of(lengths: list[int]) -> Tensor:
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


@pytest.mark.parametrize(
    ("padding", "length"),
    [("none", None), ("none", 5), ("borders", None), ("right", 6), ("right", 9)],
)
def test_character_cnn_is_the_printed_convolution_of_each_word_alone(
    padding: Padding, length: int | None
) -> None:
    layer = CharacterCNN(9, 4, 3, [2, 3, 4], padding, length)
    words = [[5], [3, 4], [2, 3, 4], [7, 6, 5, 4, 3], [8, 7, 6, 5, 4, 3, 2]]
    chars = torch.zeros(len(words), 7, dtype=torch.long)
    for row, word in enumerate(words):
        chars[row, : len(word)] = torch.tensor(word)
    together = layer(chars)
    assert together.shape == (5, layer.width)
    for row, whole in enumerate(words):
        word = whole[:length]
        parts = []
        for window, convolution in zip(layer.windows, layer.convolutions, strict=True):
            edge = [PAD] * (window - 1) if padding == "borders" else []
            padded = edge + word + edge
            least = length if padding == "right" and length is not None else window
            padded += [PAD] * (least - len(padded))
            f = layer.lookup.weight[padded]  # (L, width)
            steps = [
                torch.tanh(
                    torch.einsum("fdw,wd->f", convolution.weight, f[i : i + window])
                    + convolution.bias
                )
                for i in range(len(padded) - window + 1)
            ]
            parts.append(torch.stack(steps).amax(0))
        torch.testing.assert_close(together[row], torch.cat(parts), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("padding", "length"), [("none", None), ("borders", None), ("right", 4), ("right", 20)]
)
def test_character_cnn_has_gradients_that_do_not_see_padding(
    padding: Padding, length: int | None
) -> None:
    layer = CharacterCNN(9, 4, 3, [2, 3], padding, length).double()
    word = torch.tensor([[5, 6, 7]])
    padded = torch.tensor([[5, 6, 7, 0, 0, 0]])
    one = torch.autograd.grad(layer(word).sum(), list(layer.parameters()))
    other = torch.autograd.grad(layer(padded).sum(), list(layer.parameters()))
    for left, right in zip(one, other, strict=True):
        torch.testing.assert_close(left, right)


def test_reversal_turns_each_sequence_within_its_length() -> None:
    mask = mask_of(LENGTHS)
    steps = torch.arange(15.0).view(3, 5, 1)
    turned = reorder(steps, reversal(mask))[:, :, 0]
    assert turned.tolist() == [[4, 3, 2, 1, 0], [5, 6, 7, 8, 9], [12, 11, 10, 13, 14]]


def test_bilstm_equals_a_packed_one() -> None:
    layer = BiLSTM(6, 8)
    packed = torch.nn.LSTM(6, 4, bidirectional=True, batch_first=True)
    state = dict(layer.forwards.state_dict())
    state |= {f"{name}_reverse": value for name, value in layer.backwards.state_dict().items()}
    packed.load_state_dict(state)
    steps = torch.randn(3, 5, 6)
    expected, _ = pad_packed_sequence(
        packed(pack_padded_sequence(steps, LENGTHS, batch_first=True, enforce_sorted=False))[0],
        batch_first=True,
    )
    torch.testing.assert_close(layer(steps, mask_of(LENGTHS)), expected, atol=1e-6, rtol=1e-5)


def test_bigru_and_its_gradients_are_torchs() -> None:
    layer = BiGRU(6, 8).double()
    packed = torch.nn.GRU(6, 4, bidirectional=True, batch_first=True).double()
    state = dict(layer.forwards.state_dict())
    state |= {f"{name}_reverse": value for name, value in layer.backwards.state_dict().items()}
    packed.load_state_dict(state)
    steps = torch.randn(3, 5, 6, dtype=torch.float64, requires_grad=True)
    expected, _ = pad_packed_sequence(
        packed(pack_padded_sequence(steps, LENGTHS, batch_first=True, enforce_sorted=False))[0],
        batch_first=True,
    )
    found = layer(steps, mask_of(LENGTHS))
    torch.testing.assert_close(found, expected)
    share = torch.randn_like(found)
    names = [name for name, _ in layer.forwards.named_parameters()]
    ours = [steps, *layer.forwards.parameters(), *layer.backwards.parameters()]
    theirs = [getattr(packed, name + end) for end in ("", "_reverse") for name in names]
    torch.testing.assert_close(
        torch.autograd.grad((found * share).sum(), ours),
        torch.autograd.grad((expected * share).sum(), [steps, *theirs]),
    )


@pytest.mark.parametrize(
    ("kind", "plain"), [(BiLSTM, torch.nn.LSTM), (BiGRU, torch.nn.GRU)], ids=["lstm", "gru"]
)
def test_the_ends_over_rows_of_a_table_and_their_gradients_are_torchs(
    kind: type[BiLSTM] | type[BiGRU], plain: type[torch.nn.RNNBase]
) -> None:
    """Rows that stand more than once, sequences of all lengths, in no order, and an empty one."""
    layer = kind(6, 8).double()
    both = plain(6, 4, bidirectional=True, batch_first=True).double()
    state = dict(layer.forwards.state_dict())
    state |= {f"{name}_reverse": value for name, value in layer.backwards.state_dict().items()}
    both.load_state_dict(state)
    table = torch.randn(7, 6, dtype=torch.float64, requires_grad=True)
    ids, lengths = torch.randint(7, (6, 5)), torch.tensor([2, 5, 0, 1, 5, 3])
    found = layer.ends_of(table, ids, lengths)
    assert not found[2].any()
    there = lengths > 0
    packed = pack_padded_sequence(table[ids[there]], lengths[there], True, enforce_sorted=False)
    last = both(packed)[1]
    last = last[0] if isinstance(last, tuple) else last  # an LSTM gives its cells too
    expected = torch.cat([last[0], last[1]], 1)
    torch.testing.assert_close(found[there], expected)
    share = torch.randn_like(expected)
    names = [name for name, _ in layer.forwards.named_parameters()]
    ours = [table, *layer.forwards.parameters(), *layer.backwards.parameters()]
    theirs = [getattr(both, name + end) for end in ("", "_reverse") for name in names]
    torch.testing.assert_close(
        torch.autograd.grad((found[there] * share).sum(), ours),
        torch.autograd.grad((expected * share).sum(), [table, *theirs]),
    )


@pytest.mark.parametrize("kind", [BiLSTM, BiGRU])
def test_the_ends_of_sequences_of_one_place(kind: type[BiLSTM] | type[BiGRU]) -> None:
    layer, table = kind(3, 4).double(), torch.randn(2, 3, dtype=torch.float64)
    found = layer.ends_of(table, torch.tensor([[1], [0]]), torch.tensor([1, 0]))
    whole = layer(table[1][None, None], torch.ones(1, 1, dtype=torch.bool))
    torch.testing.assert_close(found[0], whole[0, 0])
    torch.autograd.grad(found.sum(), list(layer.parameters()))


def test_bilstm_refuses_an_odd_width() -> None:
    with pytest.raises(ValueError, match="even"):
        BiLSTM(4, 5)


def test_word_embedding_starts_from_what_is_found_and_small_random_numbers() -> None:
    table = torch.full((5, 4), 9.0)
    both, first, none = [True] * 4, [True] * 2 + [False] * 2, [False] * 4
    found = torch.tensor([none, none, both, first, none])  # two sources of two numbers each
    weight = WordEmbedding(table, found).lookup.weight.detach()
    assert weight[PAD].tolist() == [0] * 4
    assert (weight[found] == 9).all()
    drawn = weight[~found & (torch.arange(5) != PAD)[:, None]]
    assert drawn.abs().max() <= 0.25
    assert (drawn != 0).all()
    zeros = WordEmbedding(table, found, missing="zeros").lookup.weight
    assert torch.equal(zeros, table * found)


def test_word_embedding_hides_words_in_training_only() -> None:
    layer = WordEmbedding(torch.ones(4, 2), torch.ones(4, 2, dtype=torch.bool), unknown_rate=0.5)
    with torch.no_grad():
        layer.lookup.weight[UNKNOWN] = -1.0
    words = torch.full((40, 50), 3)
    words[:, -1] = PAD
    layer.train()
    hidden = (layer(words)[:, :, 0] == -1).float()
    assert hidden[:, -1].sum() == 0  # padding is never hidden
    assert 0.45 < hidden[:, :-1].mean() < 0.55
    layer.eval()
    assert (layer(words) >= 0).all()


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_gradients_of_spellings_are_the_same_in_every_run(threads: Callable[[int], None]) -> None:
    vectors = torch.randn(40, 640, requires_grad=True)
    spelling = torch.randint(0, 40, (16, 25))  # each spelling stands in several places
    weights = torch.randn(16, 25, 640)

    def gradient(gathered: Tensor) -> Tensor:
        return torch.autograd.grad((gathered * weights).sum(), vectors)[0]

    threads(1)
    expected = gradient(vectors[spelling])
    for number in (1, 2, 4):
        threads(number)
        assert torch.equal(of_each_word(vectors, spelling), vectors[spelling])
        for _ in range(10):
            assert torch.equal(gradient(of_each_word(vectors, spelling)), expected)
