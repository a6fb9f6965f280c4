"""Every system: the same result padded or alone, masked images that change nothing, gradients."""

import dataclasses

import pytest
import torch
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.params.block import ParamsError, parse
from pipeline.systems.system import Batch, Inputs, System, find_system, known_systems

TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
LENGTHS = [6, 1, 3, 2]
REGIONS = (9, 12)
COATTENTION = "adaptive_coattention"

# Every setting of the co-attention network that the paper's tables and our variants name.
VARIANTS = [
    *((name, {}) for name in known_systems()),
    (COATTENTION, {"attention": "interactive"}),
    (COATTENTION, {"fusion": "feature_gate"}),
    (COATTENTION, {"fusion": "concatenate"}),
    (COATTENTION, {"filtration": False}),
    (COATTENTION, {"crf": False}),
    (COATTENTION, {"attention": "interactive", "fusion": "concatenate", "filtration": False}),
]


def make(name: str, **model: object) -> System:
    module = find_system(name)
    params = parse(
        {
            "vectors": [],
            "training": {"learning_rate": 0.01, "max_epochs": 1, "patience": 1},
            "model": {"hidden": 8, **model},
        },
        module.Params,
        name,
    )
    table = torch.randn(20, 7)
    inputs = Inputs(table, torch.rand(20) < 0.5, 11, TAGS, {"regions": REGIONS})
    return module.build(params, inputs).eval()


def make_batch(has_image: list[bool]) -> Batch:
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    chars = torch.randint(2, 11, (8, 5))
    for row in range(8):
        chars[row, 1 + row % 5 :] = 0
    there = torch.tensor(has_image)
    return Batch(
        words=torch.randint(1, 20, mask.shape) * mask,
        mask=mask,
        chars=chars,
        spelling=torch.randint(0, 8, mask.shape) * mask,
        tags=torch.randint(0, len(TAGS), mask.shape) * mask,
        features={"regions": torch.randn(len(LENGTHS), *REGIONS) * there[:, None, None]},
        has_image=there,
    )


def alone(batch: Batch, post: int) -> Batch:
    """One post of a batch, with no padding and only its own spellings."""
    length = int(batch.mask[post].sum())
    rows = slice(post, post + 1)
    used, spelling = batch.spelling[post, :length].unique(return_inverse=True)
    chars = batch.chars[used]
    return Batch(
        words=batch.words[rows, :length],
        mask=batch.mask[rows, :length],
        chars=chars[:, : int((chars != 0).sum(1).max())],
        spelling=spelling[None],
        tags=batch.tags[rows, :length],
        features={name: value[rows] for name, value in batch.features.items()},
        has_image=batch.has_image[rows],
    )


def with_regions(batch: Batch, regions: Tensor) -> Batch:
    return dataclasses.replace(batch, features={"regions": regions})


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
    batch = with_regions(batch, batch.features["regions"].double())
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


@pytest.mark.parametrize("model", [model for name, model in VARIANTS if name == COATTENTION])
def test_every_weight_is_trained(model: dict[str, object]) -> None:
    network, batch = make(COATTENTION, **model), make_batch([True] * 4)
    network.loss(batch).backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


@pytest.mark.parametrize("model", [model for name, model in VARIANTS if name == COATTENTION])
def test_an_image_matters_where_there_is_one_and_nowhere_else(model: dict[str, object]) -> None:
    network, batch = make(COATTENTION, **model), make_batch([True, True, False, True])
    other = with_regions(batch, torch.randn_like(batch.features["regions"]))
    change = (network.encode(batch) - network.encode(other)).abs().amax((1, 2))
    assert change[2] == 0
    assert (change[[0, 1, 3]] > 1e-4).all()


def test_unknown_systems_and_settings_name_the_nearest() -> None:
    with pytest.raises(PipelineError, match=r"did you mean 'bilstm_crf'"):
        find_system("bilstm_crff")
    with pytest.raises(PipelineError, match="unknown system 'system'"):
        find_system("system")
    with pytest.raises(ParamsError, match=r"unknown key 'model\.droput' \(did you mean 'dropout'"):
        make("bilstm_crf", droput=0.3)
