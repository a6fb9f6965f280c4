"""Each network against its authors' own forward pass, and rows that do not know their batch."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from _pytest.mark import ParameterSet
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from torch import Tensor, nn
from torchvision.models import (
    Inception_V3_Weights,
    ResNet50_Weights,
    VGG16_Weights,
    inception_v3,
    resnet50,
    vgg16,
)
from torchvision.transforms import InterpolationMode

from pipeline.errors import PipelineError
from pipeline.published import find_file
from pipeline.vision.backbone import (
    Backbone,
    Features,
    known_backbones,
    load_backbone,
)
from pipeline.vision.classes import class_names
from pipeline.vision.weights import State, find_weights
from tests.vision.conftest import photo

pytestmark = pytest.mark.processor

CPU = torch.device("cpu")
SAMPLE = Path(__file__).parents[2] / ".." / "shared" / "data" / "imagenet-sample"


@dataclass(frozen=True)
class Case:
    """A backbone with weights, which are the real ones if they come as a package."""

    backbone: Backbone
    state: State

    def build(self, *outputs: str) -> Features:
        kept = self.backbone.select(outputs or list(self.backbone.outputs))
        return self.backbone.build(self.state, kept, "float32").placed(CPU)


def cases() -> Iterator[ParameterSet]:
    for name in known_backbones():
        large = name == "vgg16"  # its weights are half a gigabyte
        yield pytest.param(name, marks=[pytest.mark.slow] if large else [])


@pytest.fixture(scope="module", params=[*cases()])
def case(request: pytest.FixtureRequest) -> Case:
    backbone = load_backbone(request.param)
    if request.param == "efficientnet_lite0":
        return Case(backbone, load(backbone, "imagenet"))
    torch.manual_seed(7)
    state = backbone.network().state_dict()
    generator = torch.Generator().manual_seed(7)
    for key, tensor in state.items():  # gives batch statistics other than 0 and 1
        if key.endswith("running_mean"):
            tensor.add_(torch.randn(tensor.shape, generator=generator) * 0.1)
        if key.endswith("running_var"):
            tensor.mul_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return Case(backbone, state)


def load(backbone: Backbone, weights: str) -> State:
    return find_weights(weights, backbone.weights, backbone.network).load()


def batch_of(backbone: Backbone, count: int) -> Tensor:
    pixels = np.stack([backbone.preprocessing.pixels(photo(seed)) for seed in range(count)])
    return backbone.preprocessing.normalize(torch.from_numpy(pixels).permute(0, 3, 1, 2))


# The authors' network, the layer whose maps are features, and the authors' transform.
HALF = (0.5, 0.5, 0.5)
PLAIN: dict[str, tuple[Callable[[], nn.Module], str, Callable[[Image.Image], Tensor]]] = {
    "inception_v3": (
        partial(inception_v3, init_weights=False, transform_input=True),
        "Mixed_7c",
        Inception_V3_Weights.IMAGENET1K_V1.transforms(),
    ),
    "resnet50": (resnet50, "layer4", ResNet50_Weights.IMAGENET1K_V1.transforms()),
    "vgg16": (vgg16, "features.30", VGG16_Weights.IMAGENET1K_V1.transforms()),
} | {
    f"efficientnet_lite{number}": (
        partial(EfficientNet.from_name, f"efficientnet-lite{number}"),
        "_avg_pooling",
        ResNet50_Weights.IMAGENET1K_V1.transforms(
            crop_size=side,
            resize_size=side + 32,
            mean=HALF,
            std=HALF,
            interpolation=InterpolationMode.BICUBIC,
        ),
    )
    for number, side in enumerate((224, 240, 260))
}


def plain_forward(case: Case, images: list[Image.Image]) -> tuple[Tensor, Tensor]:
    """Logits (n, 1000) and maps (n, C, h, w) by the authors' transform, network and forward."""
    make, layer, transform = PLAIN[case.backbone.name]
    with torch.device("meta"):
        network = make()
    network.load_state_dict(case.state, assign=True)
    seen: list[Tensor] = []
    tap = network.get_submodule(layer)
    if layer == "_avg_pooling":  # its input is the maps
        tap.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    else:
        tap.register_forward_hook(lambda _module, _given, maps: seen.append(maps.clone()))
    with torch.inference_mode():
        logits = network.eval()(torch.stack([transform(image) for image in images]))
    return logits, seen[0]


def close(found: Tensor, expected: Tensor) -> None:
    """Check equality up to the order of float32 sums and the rounding of a float16 output."""
    tolerance = 1e-3 if found.dtype == torch.float16 else 2e-4
    scale = float(expected.abs().max())
    assert scale > 0
    torch.testing.assert_close(found.float(), expected, rtol=tolerance, atol=tolerance * scale)


def test_features_are_those_of_the_authors_own_forward_pass(case: Case) -> None:
    logits, maps = plain_forward(case, [photo(0), photo(1)])
    with torch.inference_mode():
        found = case.build()(batch_of(case.backbone, 2))
    assert found.keys() == case.backbone.outputs.keys()
    close(found["logits"], logits)
    if "pooled" in found:
        close(found["pooled"], maps.mean((2, 3)))
    if "grid" in found:
        side = {"efficientnet_lite1": 8, "efficientnet_lite2": 9}.get(case.backbone.name, 7)
        assert maps.shape[2:] == (side, side)
        for row in range(side):
            for column in range(side):
                close(found["grid"][:, side * row + column], maps[:, :, row, column])


def test_a_row_depends_on_neither_its_batch_nor_the_threads(
    case: Case, threads: Callable[[int], None]
) -> None:
    """From 16 images on, torch itself chooses another convolution on one thread."""
    count = 17 if case.backbone.name == "efficientnet_lite0" else 2
    features = case.build()
    batch = batch_of(case.backbone, count)
    with torch.inference_mode():
        threads(1)
        whole = features(batch)
        threads(3)
        split = [features(part) for part in batch.split([1, count - 1])]
    for output, tensor in whole.items():
        assert torch.equal(torch.cat([part[output] for part in split]), tensor), output


def test_what_is_not_asked_for_is_not_computed(case: Case) -> None:
    """Without logits the weights of the head are not even looked at."""
    heads = ("classifier.", "fc.", "_fc.")
    others = {key: value for key, value in case.state.items() if not key.startswith(heads)}
    absent = {
        key: torch.empty(value.shape, device="meta")  # any use of it would raise
        for key, value in case.state.items()
        if key.startswith(heads)
    }
    assert absent
    names = [name for name in case.backbone.outputs if name != "logits"]
    features = Case(case.backbone, others | absent).build(*names)
    with torch.inference_mode():
        given = features(batch_of(case.backbone, 1))
    assert list(given) == names
    assert all(tensor.isfinite().all() for tensor in given.values())


@pytest.mark.parametrize("name", known_backbones())
def test_what_is_declared_is_what_is_given(name: str) -> None:
    backbone = load_backbone(name)
    assert backbone.name == name
    assert len(class_names(name)) == backbone.outputs["logits"].shape[0]
    with torch.device("meta"):
        parts = backbone.parts(backbone.network().eval())
        crop = backbone.preprocessing.crop
        given = Features(parts, backbone.outputs).to("meta")(torch.empty(2, 3, crop, crop))
    assert {key: (tuple(value.shape), value.dtype) for key, value in given.items()} == {
        key: ((2, *output.shape), getattr(torch, output.dtype))
        for key, output in backbone.outputs.items()
    }


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_changes_little_but_something(precision: str) -> None:
    backbone = load_backbone("efficientnet_lite0")
    state = load(backbone, "imagenet")
    kept = backbone.select(["pooled", "grid"])
    batch = batch_of(backbone, 2)
    with torch.inference_mode():
        full = backbone.build(state, kept, "float32").placed(CPU)(batch)
        low = backbone.build(state, kept, precision).placed(CPU)(batch)  # type: ignore[arg-type]
    assert low["pooled"].dtype == torch.float32
    assert not torch.equal(low["pooled"], full["pooled"])
    assert torch.cosine_similarity(low["pooled"], full["pooled"]).min() > 0.995


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="needs ../shared/data/imagenet-sample")
@pytest.mark.parametrize(
    ("name", "least", "of_five"),
    [
        ("efficientnet_lite0", 42, 47),
        ("efficientnet_lite1", 40, 45),
        ("efficientnet_lite2", 42, 47),
    ],
)
def test_weights_of_packages_know_what_real_photographs_show(
    name: str, least: int, of_five: int
) -> None:
    """Of 48 photographs lite0 knew 43 when this was written, and lite1 41 (46 among its five)."""
    backbone = load_backbone(name)
    if find_file(backbone.weights["imagenet"], None) is None:
        pytest.skip(f"needs {backbone.weights['imagenet'].origin}")
    rows = list(csv.DictReader((SAMPLE / "labels.tsv").open(), delimiter="\t"))[::5]
    features = Case(backbone, load(backbone, "imagenet")).build("logits")
    pixels = [
        backbone.preprocessing.pixels(Image.open(SAMPLE / r["file"]).convert("RGB")) for r in rows
    ]
    batch = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        best = features(backbone.preprocessing.normalize(batch))["logits"].topk(5).indices
    truth = torch.tensor([int(row["class_index"]) for row in rows])[:, None]  # (48, 1)
    assert len(rows) == 48
    assert int((best[:, :1] == truth).sum()) >= least
    assert int((best == truth).sum()) >= of_five
    names = {row["name"].replace("_", " ").lower() for row in rows}
    classes = {class_names(backbone.name)[int(row["class_index"])].lower() for row in rows}
    assert len(names & classes) > 40  # the names have the order of the labels


def test_an_unknown_backbone_or_output_names_the_nearest() -> None:
    with pytest.raises(PipelineError, match=r"'resnet5'.*did you mean 'resnet50'.*vgg16"):
        load_backbone("resnet5")
    with pytest.raises(PipelineError, match=r"vgg16 has no output 'grids'.*did you mean 'grid'"):
        load_backbone("vgg16").select(["grids"])


def test_anothers_weights_are_refused() -> None:
    state = {"conv1.weight": torch.zeros(64, 3, 7, 7)}
    backbone = load_backbone("resnet50")
    with pytest.raises(PipelineError, match=r"not resnet50's: .*\n.*Missing key"):
        backbone.build(state, backbone.outputs, "float32")
