"""Fused convolutions: whatever the network, the same bits in float32."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, fx, nn
from torch.nn import functional as F

from pipeline.vision.cpu.fusing import Convolution, fuse
from pipeline.vision.cpu.steady import Steady

pytestmark = pytest.mark.processor

OPERATIONS = ("convolution", "again", "relu", "relu_", "relu6", "sum", "pool", "identity")


@dataclass(frozen=True)
class Step:
    """One operation on maps of earlier steps, which are counted backwards from the newest."""

    kind: str
    first: int
    second: int


class Program(nn.Module):
    """Runs steps on maps of (B, 8, 9, 9), and adds two of the maps at the end."""

    def __init__(self, steps: list[Step]) -> None:
        super().__init__()
        self.steps = steps
        self.layers = nn.ModuleList(
            nn.Conv2d(8, 8, 3, padding=1, bias=n % 2 == 0) for n in range(len(steps))
        )
        self.relu, self.relu_, self.relu6 = nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6()
        self.pool, self.identity = nn.MaxPool2d(3, 1, 1), nn.Identity()

    def forward(self, batch: Tensor) -> Tensor:
        maps = [batch * 1.0]
        for step, layer in zip(self.steps, self.layers, strict=True):
            first, second = maps[-1 - step.first % len(maps)], maps[-1 - step.second % len(maps)]
            maps.append(self._made(step.kind, first, second, layer))
        return maps[-1] + F.max_pool2d(maps[-1 - self.steps[-1].second % len(maps)], 3, 1, 1)

    def _made(self, kind: str, first: Tensor, second: Tensor, layer: nn.Module) -> Tensor:
        if kind == "convolution":
            made: Tensor = layer(first)
        elif kind == "again":
            made = self.layers[0](first)
        elif kind == "sum":
            made = first + second
        else:
            made = getattr(self, kind)(first)
        return made


steps = st.builds(
    Step,
    st.one_of(st.just("convolution"), st.sampled_from(OPERATIONS)),
    st.sampled_from((0, 0, 0, 1, 2, 3)),
    st.integers(0, 4),
)


def same(network: nn.Module, batch: Tensor) -> fx.GraphModule:
    with torch.inference_mode(), Steady():
        fused = fuse(network.eval().requires_grad_(False))
        expected = network(batch.clone())
        assert torch.equal(fused(batch.clone()), expected)
    return fused


def maps(count: int = 2) -> Tensor:
    made = torch.randn(count, 8, 9, 9, generator=torch.Generator().manual_seed(0))
    return made.to(memory_format=torch.channels_last)


@example(  # oneDNN has no ReLU6 behind a sum
    [Step("convolution", 0, 0)] * 2
    + [Step("convolution", 2, 0), Step("sum", 0, 1), Step("convolution", 3, 0)]
    + [Step("convolution", 0, 0), Step("relu6", 2, 0)]
)
@settings(max_examples=150, deadline=None)
@given(st.lists(steps, min_size=1, max_size=9))
def test_any_network_gives_the_same_bits(program: list[Step]) -> None:
    """Among them are sums of branches that are read later, layers called twice, and the like."""
    torch.manual_seed(0)
    same(Program(program).to(memory_format=torch.channels_last), maps())


def left(fused: fx.GraphModule) -> list[str]:
    """The calls that are left outside convolutions."""
    named = dict(fused.named_modules())
    calls = [node for node in fused.graph.nodes if node.op.startswith("call_")]
    return [
        str(node.target)
        for node in calls
        if node.op != "call_module" or not isinstance(named[node.target], Convolution)
    ]


class Residual(nn.Module):
    """Two blocks as in ResNet; `use` makes the result of the maps of both."""

    def __init__(self, use: Callable[[Tensor, Tensor], Tensor] = lambda _, second: second) -> None:
        super().__init__()
        self.one, self.two, self.skip = (nn.Conv2d(8, 8, 3, padding=1) for _ in range(3))
        self.three, self.four = (nn.Conv2d(8, 8, 3, padding=1) for _ in range(2))
        self.relu = nn.ReLU(inplace=True)
        self.use = use

    def forward(self, batch: Tensor) -> Tensor:
        maps = self.relu(self.one(batch))
        out = self.two(maps)
        out += self.skip(maps)
        first = self.relu(out)
        second = self.four(self.relu(self.three(first)))
        second += first
        return self.use(first, self.relu(second))


def test_residual_blocks_become_convolutions_alone() -> None:
    network = Residual()
    before = [*network.modules()]
    assert left(same(network, maps())) == []
    assert [*network.modules()] == before  # the network itself stays as it is
    assert isinstance(network.skip, nn.Conv2d)


@pytest.mark.parametrize(
    "use", [lambda first, second: torch.cat([first, second]), lambda first, second: first * second]
)
def test_maps_that_are_read_later_are_not_overwritten(
    use: Callable[[Tensor, Tensor], Tensor],
) -> None:
    assert any("add" in call for call in left(same(Residual(use), maps())))


def test_a_convolution_does_not_overwrite_what_it_reads() -> None:
    class Short(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = (nn.Conv2d(8, 8, 3, padding=1) for _ in range(2))

        def forward(self, batch: Tensor) -> Tensor:
            maps = self.one(batch)
            total: Tensor = self.two(maps) + maps
            return total

    assert any("add" in call for call in left(same(Short(), maps())))


def test_maps_that_have_another_name_are_not_overwritten() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = (nn.Conv2d(8, 8, 3, padding=1) for _ in range(2))
            self.relu = nn.ReLU(inplace=True)

        def forward(self, batch: Tensor) -> Tensor:
            maps = self.one(batch)
            cut = self.relu(maps)
            total: Tensor = self.two(batch) + maps
            return total * cut

    assert any("add" in call for call in left(same(Named(), maps())))


def test_what_pads_otherwise_is_left_to_torch() -> None:
    network = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"), nn.ReLU())
    assert left(same(network, maps())) == ["0", "1"]


def test_padding_by_name_is_refused_as_without_fusing() -> None:
    fused = fuse(nn.Sequential(nn.Conv2d(8, 8, 3, padding="same"), nn.ReLU()))
    assert left(fused) == ["0", "1"]
    with pytest.raises(NotImplementedError, match="give it in pixels"), Steady():
        fused(maps())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_lower_precision_is_near_the_products_in_full(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    network = Residual().eval().requires_grad_(False)
    expected = network(maps())
    with torch.autocast("cpu", dtype):
        found = fuse(network.to(dtype))(maps())
    assert found.dtype == dtype
    assert torch.cosine_similarity(found.float().flatten(), expected.flatten(), dim=0) > 0.9999


def test_what_the_processor_lacks_is_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    network = Residual().eval().requires_grad_(False).to(torch.bfloat16)
    fused = fuse(network)
    assert not any(isinstance(layer, Convolution) for layer in fused.modules())
    batch = maps().bfloat16()
    assert torch.equal(fused(batch), network(batch))


def test_rows_are_the_same_bits_in_any_batch_on_any_threads(
    threads: Callable[[int], None],
) -> None:
    fused = fuse(Residual().eval().requires_grad_(False))
    batch, results = maps(18), []
    for count in (1, 2, 3):
        threads(count)
        results += [torch.cat([fused(part) for part in batch.split(n)]) for n in (1, 5, 18)]
    assert all(torch.equal(result, results[0]) for result in results)
