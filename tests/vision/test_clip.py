"""Image towers of CLIP and SigLIP, against `transformers`' own forward pass and processor."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from pipeline.errors import PipelineError
from pipeline.store.reader import Reader
from pipeline.vision.extract import find_network
from pipeline.vision.preprocessor_config import read_preprocessing
from tests.vision import tiny
from tests.vision.conftest import Corpus, photo

pytestmark = pytest.mark.processor

REGIONS = (tiny.CROP // tiny.PATCH) ** 2
PROCESSOR, CONFIG, WEIGHTS = "preprocessor_config.json", "config.json", "model.safetensors"
SIZES = [(64, 43), (43, 64), (37, 90), (38, 39), (320, 241), (9, 90)]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("towers") / "clip"
    tiny.save_clip(path)
    return path


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy to be spoiled."""
    return Path(shutil.copytree(saved, tmp_path / "clip"))


def change(path: Path, **told: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | told))


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("kind", tiny.KINDS)
def test_features_are_those_of_the_towers_own_forward_pass(
    tmp_path: Path, kind: str, alone: bool
) -> None:
    tower = tiny.save_clip(tmp_path, kind, alone=alone)
    params = tiny.of_clip(tmp_path)
    batch = tiny.batch_of(find_network(params, None).backbone, 3)
    found = tiny.rows(params, batch)
    with torch.inference_mode():
        given = tower(pixel_values=batch)
    torch.testing.assert_close(found["pooled"], given.pooler_output, rtol=1e-4, atol=1e-4)
    patches = given.last_hidden_state[:, {"clip": 1, "siglip": 0}[kind] :]
    assert patches.shape == (3, REGIONS, tiny.WIDTH)
    torch.testing.assert_close(found["grid"].float(), patches, rtol=2e-3, atol=2e-3)
    assert found["pooled"].std() > 0.1 < patches.std()


def test_of_clip_the_last_norm_is_the_class_tokens_alone(tmp_path: Path) -> None:
    """As the backbone's page says; SigLIP's is every patch's."""
    for kind in tiny.KINDS:
        tower = tiny.save_clip(tmp_path / kind, kind)
        params = tiny.of_clip(tmp_path / kind)
        batch = tiny.batch_of(find_network(params, None).backbone, 1)
        before = tiny.rows(params, batch)
        torch.nn.init.zeros_(tower.post_layernorm.weight)
        torch.nn.init.zeros_(tower.post_layernorm.bias)
        save_file(tower.state_dict(), tmp_path / kind / WEIGHTS)
        after = tiny.rows(params, batch)
        assert not torch.equal(after["pooled"], before["pooled"])
        assert torch.equal(after["grid"], before["grid"]) == (kind == "clip")


@pytest.mark.parametrize("kind", tiny.KINDS)
@pytest.mark.parametrize("extent", SIZES)
def test_pixels_are_those_of_the_folders_own_processor(
    tmp_path: Path, kind: str, extent: tuple[int, int]
) -> None:
    """Equal up to the rounding of float32, in which the two divide by 255 in two ways."""
    tiny.save_clip(tmp_path, kind)
    processor = tiny.KINDS[kind][2].from_pretrained(tmp_path)
    image = photo(1, *extent)
    expected = processor(image, return_tensors="pt")["pixel_values"]
    preprocessing = read_preprocessing(tmp_path / PROCESSOR)
    pixels = torch.from_numpy(preprocessing.pixels(image).copy()).permute(2, 0, 1)[None]
    torch.testing.assert_close(preprocessing.normalize(pixels), expected, rtol=1e-5, atol=1e-5)


def test_an_older_processor_is_read_too(folder: Path) -> None:
    """CLIP's first ones give sides as numbers."""
    new = read_preprocessing(folder / PROCESSOR)
    change(folder / PROCESSOR, size=tiny.CROP + 5, crop_size=tiny.CROP)
    assert read_preprocessing(folder / PROCESSOR) == new


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", tiny.KINDS)
def test_a_row_depends_on_neither_its_batch_nor_the_threads(
    tmp_path: Path, kind: str, precision: str, threads: Callable[[int], None]
) -> None:
    tiny.save_clip(tmp_path, kind)
    network = find_network(tiny.of_clip(tmp_path, precision=precision), None)
    features = network.load().placed(tiny.CPU)
    tiny.assert_rows_are_steady(features, tiny.batch_of(network.backbone, 7), threads)


def test_a_store_holds_regions_and_pooled(folder: Path, make_corpus: Callable[..., Corpus]) -> None:
    corpus, given = make_corpus(0, 1, 2), tiny.of_clip(folder).model_dump()
    corpus.extract("one", batch=1, **given)
    corpus.extract("many", batch=16, **given)
    assert corpus.content("one") == corpus.content("many")
    reader = Reader(corpus.root / "one")
    assert {name: output.shape for name, output in reader.outputs.items()} == {
        "grid": (REGIONS, tiny.WIDTH),
        "pooled": (tiny.WIDTH,),
    }
    assert reader.fingerprint.facts["model"] == "clip_vision_model"
    change(folder / CONFIG, vision_config={**config_of(folder), "hidden_act": "gelu"})
    assert corpus.extract("one", **given).computed == 3  # another network


def config_of(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / CONFIG).read_text())["vision_config"]
    return told


def test_many_files_and_half_precision_are_read(tmp_path: Path) -> None:
    tower = tiny.save_clip(tmp_path / "parts", max_shard_size="20KB")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    tiny.save_clip(tmp_path / "one")
    params = [tiny.of_clip(tmp_path / name) for name in ("parts", "one")]
    batch = tiny.batch_of(find_network(params[0], None).backbone, 2)
    parts, one = (tiny.rows(block, batch) for block in params)
    assert torch.equal(parts["grid"], one["grid"])
    state = {name: value.half() for name, value in tower.state_dict().items()}
    save_file(state, tmp_path / "one" / WEIGHTS)
    half = tiny.rows(params[1], batch)["pooled"]
    assert half.dtype == torch.float32
    assert torch.cosine_similarity(half, one["pooled"]).min() > 0.999


def test_the_mirror_folder_is_looked_into(saved: Path) -> None:
    assert find_network(tiny.of_clip(Path(saved.name)), str(saved.parent)).outputs


def spoil(name: str, folder: Path) -> None:
    """What a folder may lack or have wrong."""
    if name == "pickled":
        (folder / WEIGHTS).rename(folder / "pytorch_model.bin")
    elif name == "text":
        transformers.BertConfig().save_pretrained(folder)
    elif name == "lacking":
        state = load_file(folder / WEIGHTS)
        del state["vision_model.post_layernorm.bias"]
        save_file(state, folder / WEIGHTS)
    elif name == "wide":
        change(folder / CONFIG, vision_config={**config_of(folder), "hidden_size": 48})
    elif name == "side":
        change(folder / PROCESSOR, crop_size={"height": 24, "width": 24})
    elif name == "filter":
        change(folder / PROCESSOR, resample=4)
    elif name == "padded":
        change(folder / PROCESSOR, do_center_crop=False)
    elif name == "damaged":
        (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:300])
    else:
        (folder / name).unlink()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (WEIGHTS, "clip: holds no model.safetensors"),
        ("pickled", "refused: pytorch_model.bin is pickled, and could run code when opened"),
        (CONFIG, "config.json: cannot be read as JSON"),
        (PROCESSOR, "preprocessor_config.json: cannot be read as JSON"),
        ("text", "config.json: no image tower that is known"),
        ("lacking", "these weights are not clip_vision_model's"),
        ("wide", "these weights are not clip_vision_model's"),
        ("side", "gives images of 24 pixels a side, but by config.json the tower reads 32"),
        ("filter", "preprocessor_config.json: 4: known are"),
        ("padded", "without a crop inside: known are"),
        ("damaged", "model.safetensors: not a file of safetensors"),
    ],
)
def test_a_folder_that_is_spoiled_is_a_sentence(folder: Path, name: str, words: str) -> None:
    spoil(name, folder)
    with pytest.raises(PipelineError, match=re.escape(words)) as caught:
        find_network(tiny.of_clip(folder), None).load()
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"num_attention_heads": 5}, "config.json: no image tower that is known"),
        ({"num_attention_heads": 0}, "config.json: no image tower that is known"),
        ({"patch_size": 0}, "config.json: no image tower that is known"),
        ({"attention_dropout": "x"}, "config.json: no image tower that is known"),
        ({"attn_implementation": "nope"}, "config.json: no image tower that is known"),
        (None, "config.json: vision_config: None describes no image tower"),
    ],
)
def test_a_tower_that_cannot_be_made_is_a_sentence(
    folder: Path, told: dict[str, object] | None, words: str
) -> None:
    change(folder / CONFIG, vision_config=told and {**config_of(folder), **told})
    with pytest.raises(PipelineError, match=re.escape(words)):
        find_network(tiny.of_clip(folder), None).load()


@pytest.mark.parametrize("wrong", [{"image_std": [0, 0, 0]}, {"image_mean": [float("nan")] * 3}])
def test_a_norm_that_is_no_number_is_refused(folder: Path, wrong: dict[str, object]) -> None:
    change(folder / PROCESSOR, **wrong)
    with pytest.raises(PipelineError, match=r"preprocessor_config\.json: image_mean .*: known are"):
        find_network(tiny.of_clip(folder), None)


def test_quantised_weights_are_refused(folder: Path) -> None:
    change(folder / CONFIG, quantization_config={"load_in_8bit": True})
    with pytest.raises(PipelineError, match=r"config\.json: quantization_config: quantised"):
        find_network(tiny.of_clip(folder), None)


def test_what_the_block_says_wrong_is_a_sentence(folder: Path) -> None:
    with pytest.raises(PipelineError, match="has no output 'logits'; it gives pooled, grid"):
        find_network(tiny.of_clip(folder, outputs=["logits"]), None)
    with pytest.raises(PipelineError, match=r"sha256 is \w+, not 00 as the parameter"):
        find_network(tiny.of_clip(folder, sha256="00"), None)
    with pytest.raises(PipelineError, match="there is no folder nowhere: put one there"):
        find_network(tiny.of_clip(Path("nowhere")), None)


def test_a_network_that_gives_nan_names_the_picture(
    folder: Path, make_corpus: Callable[..., Corpus]
) -> None:
    state = load_file(folder / WEIGHTS)
    state["vision_model.post_layernorm.bias"][0] = torch.nan
    save_file(state, folder / WEIGHTS)
    with pytest.raises(PipelineError, match=r"0\.png: clip gave a number that is not finite"):
        make_corpus(0).extract(**tiny.of_clip(folder).model_dump())
