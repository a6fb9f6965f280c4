"""Equations 3 to 12 of Chen et al. 2021, in loops over words, regions and features; and memory."""

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pipeline.layers import guided_attention
from pipeline.layers.guided_attention import GuidedAttention, RegionScores
from pipeline.layers.guided_context import Activation

POSTS, STEPS, WORDS, REGIONS = 3, 4, 6, 5
WIDTH, REGION_WIDTH = 4, 7
LENGTHS = [4, 1, 2]
KEPT = [[0, 1, 2, 3, 4, 5], [0, 4], [0, 1, 5]]  # of the words, for each post
SEEING = [True, True, False]

Made = tuple[GuidedAttention, tuple[Tensor, ...], list[Tensor]]


def activation(name: str, x: Tensor) -> Tensor:
    return {
        "elu": lambda: torch.where(x > 0, x, x.exp() - 1),
        "relu": lambda: x * (x > 0),
        "sigmoid": lambda: 1 / (1 + (-x).exp()),
        "tanh": lambda: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
    }[name]()


def softmax(scores: list[Tensor]) -> list[Tensor]:
    """Over a list, each feature by itself."""
    powers = [score.exp() for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def literal(
    layer: GuidedAttention, name: str, x: Tensor, words: list[Tensor], image: list[Tensor]
) -> Tensor:
    """C(x) (d,) of one word x (d,), one pair and one region at a time."""
    fused = []
    for word in words:
        inside = layer.key.weight @ word + layer.query.weight @ x
        a_s = layer.score.weight @ activation(name, inside)  # equation 3
        if not image:
            fused.append(a_s)
            continue
        visual = layer.visual
        assert visual is not None
        a_v = []  # equation 7
        for region in image:
            asked, seen = visual.guide.weight @ a_s, visual.region.weight @ region
            if visual.score is None:
                a_v.append((asked * seen).sum(0, keepdim=True) / len(asked) ** 0.5)
            else:
                a_v.append(visual.score.weight @ activation(name, asked + seen))
        shares = softmax(a_v)  # equation 8
        c_v = sum(
            share * (visual.value.weight @ region + visual.value.bias)
            for share, region in zip(shares, image, strict=True)
        )  # equation 9
        gate = visual.fusion
        g = 1 / (
            1
            + (
                -gate.from_given.weight @ a_s
                - gate.from_given.bias
                - gate.from_context.weight @ c_v
            ).exp()
        )  # equation 10
        fused.append(g * c_v + (1 - g) * a_s)  # equation 11
    shares = softmax(fused)  # equation 4
    return sum(share * word for share, word in zip(shares, words, strict=True))  # type: ignore[return-value]


def make(
    name: Activation = "elu",
    inner: int | None = None,
    image: bool = True,
    scores: RegionScores = "features",
) -> Made:
    """A layer, what it takes, and the leaves whose gradients count."""
    layer = GuidedAttention(WIDTH, REGION_WIDTH if image else None, inner, name, scores)
    layer = layer.double()
    drawn = [(POSTS, STEPS, WIDTH), (POSTS, WORDS, WIDTH), (POSTS, REGIONS, REGION_WIDTH)]
    queries, words, regions = (
        torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in drawn
    )
    mask = torch.arange(STEPS) < torch.tensor(LENGTHS)[:, None]
    there = torch.zeros(POSTS, WORDS, dtype=torch.bool)
    for post, kept in enumerate(KEPT):
        there[post, kept] = True
    given = (queries, mask, words, there, regions if image else None, torch.tensor(SEEING))
    leaves = [queries, words, *([regions] if image else []), *layer.parameters()]
    return layer, given, leaves  # type: ignore[return-value]


@pytest.mark.parametrize("limit", [1, 400, 1 << 20])  # one word at a time; some; all
@pytest.mark.parametrize(
    ("name", "inner", "image", "scores"),
    [
        ("elu", None, True, "features"),
        ("tanh", 3, True, "features"),
        ("sigmoid", 9, True, "features"),
        ("relu", None, False, "features"),
        ("elu", None, True, "product"),
        ("tanh", 3, True, "product"),
        ("sigmoid", 9, True, "product"),
        ("relu", 3, True, "product"),
    ],
)
def test_the_attention_equals_its_loop(
    name: Activation,
    inner: int | None,
    image: bool,
    scores: RegionScores,
    limit: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guided_attention, "LIMIT", limit)
    layer, given, leaves = make(name, inner, image, scores)
    queries, _, words, _, regions, _ = given
    rows = []
    for post, length in enumerate(LENGTHS):
        held = [words[post, at] for at in KEPT[post]]
        seen = [*regions[post]] if image and SEEING[post] else []
        rows += [literal(layer, name, queries[post, t], held, seen) for t in range(length)]
        rows += [torch.zeros(WIDTH, dtype=torch.float64)] * (STEPS - length)
    slow = torch.stack(rows).view(POSTS, STEPS, WIDTH)
    fast = layer(*given)
    torch.testing.assert_close(fast, slow)
    cotangent = torch.randn_like(fast)
    quick, expected = (
        torch.autograd.grad((value * cotangent).sum(), leaves) for value in (fast, slow)
    )
    for found, wanted in zip(quick, expected, strict=True):
        torch.testing.assert_close(found, wanted)
    with torch.no_grad():
        torch.testing.assert_close(layer(*given), slow)


def test_an_option_of_the_scores_begins_with_the_same_weights() -> None:
    found = []
    for scores in ("features", "product"):
        torch.manual_seed(5)
        found.append((make(scores=scores)[0].state_dict(), torch.rand(1)))
    (printed, after), (ours, after_ours) = found
    assert after == after_ours
    assert printed.keys() - ours.keys() == {"visual.score.weight"}
    assert all(torch.equal(printed[key], weights) for key, weights in ours.items())


@pytest.mark.parametrize("scores", ["features", "product"])
def test_it_trains_in_bfloat16(scores: RegionScores) -> None:
    layer, given, _ = make("tanh", 3, scores=scores)
    layer, given = layer.float(), tuple(x.float() if x.is_floating_point() else x for x in given)
    exact = layer(*given)
    with torch.autocast("cpu", torch.bfloat16):
        brief = layer(*given)
    brief.sum().backward()
    torch.testing.assert_close(brief.float(), exact, rtol=0.05, atol=0.05)
    assert all(weight.grad is not None for weight in layer.parameters())


@pytest.mark.parametrize("scores", ["features", "product"])
def test_the_weights_are_those_that_the_context_is_made_with(
    scores: RegionScores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guided_attention, "LIMIT", 100)
    layer, given, _ = make(scores=scores)
    over_words, over_regions = layer.weights(*given)
    assert over_regions is not None
    for post, length in enumerate(LENGTHS):
        assert over_words[post, length:].isnan().all()
        inside = over_words[post, :length]
        assert inside.isnan().any(0).nonzero()[:, 0].tolist() == [
            n for n in range(WORDS) if n not in KEPT[post]
        ]
        torch.testing.assert_close(inside.nansum(1), torch.ones(length).double())
        seen = over_regions[post, :length]
        if SEEING[post]:
            torch.testing.assert_close(seen.sum(1), torch.ones(length).double())
        else:
            assert seen.isnan().all()
    # Words that are all one-hot in a feature of their own show each feature's weight.
    queries, mask, words, there, regions, has_image = given
    one_hot = torch.zeros_like(words)
    one_hot[0, 2, 1] = 1
    context = layer(queries, mask, one_hot, there, regions, has_image)
    fused, _ = layer._fused(
        layer.query(queries[0]),
        layer.key(one_hot[0]),
        tuple(r[0] for r in layer.visual.read(regions)),  # type: ignore[union-attr]
    )
    torch.testing.assert_close(context[0, :, 1], fused.softmax(1)[:, 2, 1])


def test_each_region_has_the_share_of_its_score() -> None:
    layer, given, _ = make(scores="product")
    queries, _, words, _, regions, _ = given
    visual = layer.visual
    assert visual is not None
    _, over_regions = layer.weights(*given)
    assert over_regions is not None
    for t in range(LENGTHS[0]):
        fused, looked = [], []
        for word in words[0]:
            inside = layer.key.weight @ word + layer.query.weight @ queries[0, t]
            a_s = layer.score.weight @ activation("elu", inside)
            asked, seen = visual.guide.weight @ a_s, regions[0] @ visual.region.weight.T
            looked.append((seen @ asked / len(asked) ** 0.5).softmax(0))
            fused.append(visual.fusion(looked[-1] @ visual.value(regions[0]), a_s)[0])
        shares = torch.stack(fused).softmax(0).mean(1)  # of the words, means over the features
        weighed = sum(share * seen for share, seen in zip(shares, looked, strict=True))
        torch.testing.assert_close(over_regions[0, t], weighed)


class Largest(TorchDispatchMode):
    """The numbers of the largest tensor that any operation returns."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        found = func(*args, **(kwargs or {}))
        for one in found if isinstance(found, (tuple, list)) else [found]:
            if isinstance(one, Tensor):
                self.numbers = max(self.numbers, one.numel())
        return found


def cost(
    regions: int, words: int, width: int = 8, scores: RegionScores = "features"
) -> tuple[int, int]:
    """Of one step: the largest tensor that is made, and all that is kept for the gradients."""
    layer = GuidedAttention(width, 6, region_scores=scores)
    queries = torch.randn(2, words, width, requires_grad=True)
    mask = torch.ones(2, words, dtype=torch.bool)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes() // 4
        return tensor

    largest, ones = Largest(), torch.ones(2, dtype=torch.bool)
    with largest:
        image = torch.randn(2, regions, 6)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            context = layer(queries, mask, queries, mask, image, ones)
        context.sum().backward()
    return largest.numbers, sum(kept.values())


def test_memory_does_not_grow_with_pairs_times_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 20_000
    monkeypatch.setattr(guided_attention, "LIMIT", limit)
    for regions, words in ((10, 20), (40, 20), (40, 60)):
        largest, kept = cost(regions, words)
        one_word = regions * words * 8
        assert largest <= max(limit, one_word) < 2 * words**2 * regions * 8 / 2
        # Kept are words, regions, what they are projected to, and the weights: a line in each.
        assert kept < 40 * 2 * (words + regions) * 8 + 4000
    # Were it all at once, this is what the largest tensor would be: the test can fail.
    monkeypatch.setattr(guided_attention, "LIMIT", 1 << 40)
    assert cost(40, 60)[0] == 60 * 60 * 40 * 8


def test_products_make_nothing_of_pairs_times_regions_times_inner() -> None:
    width, words = 8, 40
    for regions in (10, 80):
        largest, kept = cost(regions, words, width, "product")
        assert largest <= max(words**2 * width, words**2 * regions)
        # Of each pair of both posts: h + N + 3 d numbers.
        assert kept < 2 * words**2 * (regions + 4 * width) + 40_000
