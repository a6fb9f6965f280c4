"""Dropout: how much it drops, what it keeps in the mean, and that it is off where it should be."""

import pytest
import torch

from pipeline.layers.dropout import Dropout


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_it_drops_its_share_and_keeps_the_mean(rate: float) -> None:
    given = torch.ones(999, 1001)
    found = Dropout(rate).train()(given)
    values, counts = found.unique(return_counts=True)
    torch.testing.assert_close(values, torch.tensor([0.0, 1 / (1 - rate)]), rtol=2e-4, atol=0)
    assert counts[0] / given.numel() == pytest.approx(rate, abs=0.005)
    # No pattern along either side: the bits of one draw are independent.
    assert (found != 0).float().mean(0).std() < 0.02
    assert (found != 0).float().mean(1).std() < 0.02
    for step in range(1, 5):
        both = (found[:, step:] != 0) & (found[:, :-step] != 0)
        assert both.float().mean() == pytest.approx((1 - rate) ** 2, abs=0.005)


def test_the_gradient_goes_where_the_number_went() -> None:
    given = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    found = Dropout(0.5)(given)
    (slope,) = torch.autograd.grad(found.sum(), given)
    assert torch.equal(slope, torch.where(found == 0, 0.0, 2.0))


def test_it_is_off_in_evaluation_and_at_rate_zero() -> None:
    given = torch.randn(4, 3)
    assert Dropout(0.5).eval()(given) is given
    assert Dropout(0.0)(given) is given
    with pytest.raises(ValueError, match=r"below 1, got 1\.0"):
        Dropout(1.0)
