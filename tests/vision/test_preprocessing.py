"""Our preprocessing against torchvision's transforms, bit by bit, and pinned pixels."""

import hashlib

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms
from torchvision.models import Inception_V3_Weights, ResNet50_Weights, VGG16_Weights
from torchvision.transforms import InterpolationMode

from pipeline.vision.backbone import known_backbones, load_backbone
from pipeline.vision.preprocessing import Preprocessing

pytestmark = pytest.mark.processor

TORCHVISION = {
    "inception_v3": Inception_V3_Weights.IMAGENET1K_V1,
    "vgg16": VGG16_Weights.IMAGENET1K_V1,
    "resnet50": ResNet50_Weights.IMAGENET1K_V1,
}
SIZES = [(640, 427), (427, 640), (256, 256), (256, 300), (342, 342), (31, 17), (500, 333), (9, 900)]


def noise(width: int, height: int) -> Image.Image:
    generator = np.random.default_rng(width * height)
    return Image.fromarray(generator.integers(0, 256, (height, width, 3), np.uint8))


def ours(preprocessing: Preprocessing, image: Image.Image) -> torch.Tensor:
    pixels = torch.from_numpy(preprocessing.pixels(image).copy())  # (crop, crop, 3)
    return preprocessing.normalize(pixels.permute(2, 0, 1)[None])[0]


@pytest.mark.parametrize("name", TORCHVISION)
@pytest.mark.parametrize("extent", SIZES)
def test_bits_are_those_of_the_weights_own_transforms(name: str, extent: tuple[int, int]) -> None:
    image = noise(*extent)
    expected = TORCHVISION[name].transforms()(image)
    assert torch.equal(ours(load_backbone(name).preprocessing, image), expected)


@pytest.mark.parametrize("extent", SIZES)
def test_efficientnets_bits_are_torchvisions_with_its_constants(extent: tuple[int, int]) -> None:
    half = (0.5, 0.5, 0.5)
    transform = ResNet50_Weights.IMAGENET1K_V1.transforms(
        mean=half, std=half, interpolation=InterpolationMode.BICUBIC
    )
    image = noise(*extent)
    preprocessing = load_backbone("efficientnet_lite0").preprocessing
    assert torch.equal(ours(preprocessing, image), transform(image))


@pytest.mark.parametrize("name", known_backbones())
@pytest.mark.parametrize("extent", SIZES)
def test_stretched_bits_are_those_of_torchvisions_resize(
    name: str, extent: tuple[int, int]
) -> None:
    preprocessing = load_backbone(name).resizing("stretch").preprocessing
    sides = [preprocessing.crop, preprocessing.crop]
    mode = InterpolationMode(preprocessing.interpolation)
    transform = transforms.Compose(
        [
            transforms.Resize(sides, mode),
            transforms.ToTensor(),
            transforms.Normalize(preprocessing.mean, preprocessing.std),
        ]
    )
    image = noise(*extent)
    assert torch.equal(ours(preprocessing, image), transform(image))


def test_a_stretched_picture_keeps_its_borders() -> None:
    pixels = np.zeros((300, 900, 3), np.uint8)
    pixels[:, :100] = pixels[:, -100:] = 255
    image = Image.fromarray(pixels)
    crop = load_backbone("vgg16").preprocessing
    assert not crop.pixels(image).any()
    assert load_backbone("vgg16").resizing("stretch").preprocessing.pixels(image).any()
    assert load_backbone("vgg16").resizing("crop").preprocessing == crop


def test_a_batch_is_normalised_image_by_image() -> None:
    preprocessing = Preprocessing(resize=40, crop=32)
    batch = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    whole = preprocessing.normalize(batch)
    assert whole.dtype == torch.float32
    assert torch.equal(whole, torch.cat([preprocessing.normalize(one[None]) for one in batch]))


@pytest.mark.parametrize(
    ("interpolation", "pinned"),
    [
        ("bilinear", "129a98aab969b317ff446cbd23ac57f4834b0409746b9feddedc51fc7bd33502"),
        ("bicubic", "25853ca1ac56238629b837730f400deff0dc605102afd6e8e5ac26462e8af4e9"),
    ],
)
def test_scaled_pixels_are_pinned(interpolation: str, pinned: str) -> None:
    """If another Pillow scales otherwise, it must not fill stores under the old fingerprint."""
    y, x = np.mgrid[0:90, 0:120]
    image = Image.fromarray(np.stack([x * 2, y * 2, x * y % 256], axis=-1).astype(np.uint8))
    pixels = Preprocessing(resize=64, crop=56, interpolation=interpolation).pixels(image)
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == pinned, "raise the backbones' versions"


def test_the_description_tells_one_preprocessing_from_another() -> None:
    described = {
        str(Preprocessing(resize=256, crop=224)),
        str(Preprocessing(resize=256, crop=256)),
        str(Preprocessing(resize=257, crop=224)),
        str(Preprocessing(resize=256, crop=224, interpolation="bicubic")),
        str(Preprocessing(resize=256, crop=224, mean=(0.5, 0.5, 0.5))),
        str(Preprocessing(resize=256, crop=224, std=(0.5, 0.5, 0.5))),
        str(Preprocessing(resize=256, crop=224, stretch=True)),
    }
    assert len(described) == 7


IMAGENET = "RGB / 255, mean (0.485, 0.456, 0.406), std (0.229, 0.224, 0.225)"


@pytest.mark.parametrize(
    ("name", "crop", "stretch"),
    [
        (
            "efficientnet_lite0",
            "shorter side 256 bicubic, centre 224, RGB / 255, mean (0.5, 0.5, 0.5), std (0.5, 0.5,"
            " 0.5)",
            "stretched to 224 x 224 bicubic, RGB / 255, mean (0.5, 0.5, 0.5), std (0.5, 0.5, 0.5)",
        ),
        (
            "inception_v3",
            f"shorter side 342 bilinear, centre 299, {IMAGENET}",
            f"stretched to 299 x 299 bilinear, {IMAGENET}",
        ),
        (
            "resnet50",
            f"shorter side 256 bilinear, centre 224, {IMAGENET}",
            f"stretched to 224 x 224 bilinear, {IMAGENET}",
        ),
        (
            "vgg16",
            f"shorter side 256 bilinear, centre 224, {IMAGENET}",
            f"stretched to 224 x 224 bilinear, {IMAGENET}",
        ),
    ],
)
def test_descriptions_are_pinned(name: str, crop: str, stretch: str) -> None:
    """Other words would be another fingerprint: every store would be computed anew."""
    backbone = load_backbone(name)
    assert str(backbone.preprocessing) == str(backbone.resizing("crop").preprocessing) == crop
    assert str(backbone.resizing("stretch").preprocessing) == stretch
