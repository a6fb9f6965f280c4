"""The literal form of each system computes what the system does: loss and gradients."""

import pytest
import torch

from benchmarks.training.literal import LITERAL
from benchmarks.training.step import Sizes, make_batch, network
from pipeline.systems.system import known_systems
from tests.systems.networks import in_double

SMALL = Sizes(posts=2, tokens=4, letters=30, spellings=7, words=20)


def test_each_system_has_a_literal_form() -> None:
    assert sorted(LITERAL) == known_systems()


@pytest.mark.parametrize("name", known_systems())
def test_a_literal_form_has_the_loss_and_the_gradients_of_the_system(name: str) -> None:
    torch.manual_seed(3)
    ours = network(name, SMALL)[0].double().eval()
    batch = in_double(make_batch(ours, SMALL))
    literal = LITERAL[name](ours).double().eval()  # on the same weights
    loss = ours.loss(batch)
    loss.backward()
    expected = {key: weight.grad for key, weight in ours.named_parameters()}
    ours.zero_grad(set_to_none=True)
    found = literal.loss(batch)
    found.backward()
    torch.testing.assert_close(found, loss)
    for key, weight in ours.named_parameters():
        torch.testing.assert_close(weight.grad, expected[key], msg=lambda m, k=key: f"{k}: {m}")


def test_the_literal_form_reads_the_characters_of_each_word() -> None:
    torch.manual_seed(3)
    ours = network("cnn_bilstm_crf", SMALL)[0].eval()
    literal = LITERAL["cnn_bilstm_crf"](ours)
    seen = []
    literal.text.read.characters.register_forward_hook(lambda _, given, out: seen.append(given[0]))
    literal.loss(make_batch(ours, SMALL))
    assert [chars.shape for chars in seen] == [(SMALL.posts, SMALL.tokens, SMALL.letters)]


def test_what_coattention_leaves_out_has_no_gradient_in_the_printed_form() -> None:
    torch.manual_seed(3)
    ours = network("adaptive_coattention", SMALL)[0].double().eval()
    literal = LITERAL["adaptive_coattention"](ours).double().eval()
    literal.loss(in_double(make_batch(ours, SMALL))).backward()
    held = {id(weight) for weight in ours.parameters()}
    left_out = [weight for weight in literal.parameters() if id(weight) not in held]
    assert len(left_out) == 8  # W_ht, b_ht, w2 and b_αt, of both attentions
    for weight in left_out:
        assert weight.grad.abs().max() < 1e-12
