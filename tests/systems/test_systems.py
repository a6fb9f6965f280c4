"""Every system: the same result padded or alone, masked images that change nothing, gradients."""

import dataclasses

import pytest
import torch

from tests.systems.blocks import block
from tests.systems.networks import (
    LENGTHS,
    MODALITIES,
    SEEING,
    TEXT,
    TRIMOD,
    VARIANTS,
    alone,
    in_double,
    make,
    make_batch,
    make_features,
)


@pytest.mark.parametrize(("name", "model"), VARIANTS)
def test_a_padded_batch_is_each_post_alone(name: str, model: dict[str, object]) -> None:
    network, batch = make(name, **model), make_batch([True, True, False, True])
    together = network.encode(batch)
    tags, losses = network.decode(batch), []
    for post, length in enumerate(LENGTHS):
        single = alone(batch, post)
        torch.testing.assert_close(
            together[post, :length], network.encode(single)[0], atol=1e-5, rtol=0
        )
        assert network.decode(single) == [tags[post]]
        losses.append(network.loss(single))
    torch.testing.assert_close(network.loss(batch), torch.stack(losses).mean(), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("name", "model"), VARIANTS)
def test_the_gradients_of_a_padded_batch_are_the_mean_of_each_posts(
    name: str, model: dict[str, object]
) -> None:
    network, batch = make(name, **model).double(), make_batch([True, True, False, True])
    batch = in_double(batch)
    weights = [p for p in network.parameters() if p.requires_grad]
    together = torch.autograd.grad(network.loss(batch), weights, allow_unused=True)
    total = [torch.zeros_like(weight) for weight in weights]
    for post in range(len(LENGTHS)):
        loss = network.loss(alone(batch, post)) / len(LENGTHS)
        for kept, part in zip(
            total, torch.autograd.grad(loss, weights, allow_unused=True), strict=True
        ):
            kept += torch.zeros_like(kept) if part is None else part
    for found, expected in zip(together, total, strict=True):
        found = torch.zeros_like(expected) if found is None else found
        torch.testing.assert_close(found, expected, atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize(("name", "model"), VARIANTS)
def test_every_weight_is_trained(name: str, model: dict[str, object]) -> None:
    network, batch = make(name, **model), make_batch([True] * 4)
    network.loss(batch).backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


@pytest.mark.parametrize(("name", "model"), VARIANTS)
def test_it_trains_with_products_in_bfloat16(name: str, model: dict[str, object]) -> None:
    network, batch = make(name, **model), make_batch([True] * 4)
    with torch.autocast("cpu", torch.bfloat16):
        loss = network.loss(batch)
    loss.backward()
    assert loss.isfinite()
    weights = [p for p in network.parameters() if p.grad is not None]
    assert all(weight.grad.dtype == weight.dtype for weight in weights)  # type: ignore[union-attr]
    assert all(weight.grad.isfinite().all() for weight in weights)  # type: ignore[union-attr]


@pytest.mark.parametrize(("name", "model"), SEEING)
def test_an_image_matters_where_there_is_one_and_nowhere_else(
    name: str, model: dict[str, object]
) -> None:
    network, batch = make(name, **model), make_batch([True, True, False, True])
    other = dataclasses.replace(batch, features=make_features(torch.ones(4, dtype=torch.bool)))
    change = (network.encode(batch) - network.encode(other)).abs().amax((1, 2))
    assert change[2] == 0
    assert (change[[0, 1, 3]] > 1e-5).all()


def test_l1_adds_all_weights_but_the_words_to_the_loss() -> None:
    torch.manual_seed(1)
    plain = make(TRIMOD)
    torch.manual_seed(1)
    network, batch = make(TRIMOD, l1=0.01), make_batch([True] * 4)
    norm = sum(
        weight.abs().sum()
        for name, weight in network.named_parameters()
        if weight.dim() > 1 and not name.startswith("words.")
    )
    torch.testing.assert_close(network.loss(batch), plain.loss(batch) + 0.01 * norm)


def test_a_second_task_adds_to_the_loss() -> None:
    torch.manual_seed(1)
    single = make(MODALITIES, modalities=TEXT)
    torch.manual_seed(1)
    both = make(MODALITIES, modalities=TEXT, segmentation=0.5)
    both.load_state_dict(single.state_dict(), strict=False)
    batch = make_batch([True] * 4)
    second = both.segmentation.loss(both.encode(batch), batch.tags, batch.mask)  # type: ignore[operator,union-attr]
    torch.testing.assert_close(both.loss(batch), single.loss(batch) + 0.5 * second)


@pytest.mark.parametrize(("name", "model"), VARIANTS)
def test_what_a_setting_uses_is_what_changes_its_output(
    name: str, model: dict[str, object]
) -> None:
    network = make(name, **model)
    used = network.used(block(name, model))
    batch, other = make_batch([True] * 4), make_batch([True] * 4)
    with torch.no_grad():
        expected = network.encode(batch)
        for read in network.reads:
            features = dict(batch.features) | {
                cache: other.features[cache] for cache in batch.features if cache == read.cache
            }
            phrases = dict(batch.phrases) | {
                cache: other.phrases[cache] for cache in batch.phrases if cache == read.cache
            }
            changed = dataclasses.replace(batch, features=features, phrases=phrases)
            same = torch.equal(network.encode(changed), expected)
            assert same == (read not in used), read.cache
