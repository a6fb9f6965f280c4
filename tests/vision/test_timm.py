"""Models of timm by name: each against timm's own forward pass, transform and file."""

import pickle
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from timm.data import create_transform, resolve_data_config
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.store.reader import Reader
from pipeline.vision.backbone import load_backbone
from pipeline.vision.backbones.timm import of_model
from pipeline.vision.extract import find_network
from pipeline.vision.tags import tags
from tests.conftest import ROOT
from tests.vision import tiny
from tests.vision.conftest import Corpus, photo

pytestmark = pytest.mark.processor

ALL = ["logits", "pooled", "grid"]
# A transformer, one with register tokens, a ResNet, one with SiLU, one whose channels come last.
MODELS = ["test_vit", "test_vit3", "test_resnet", "test_efficientnet", "test_mambaout"]
SIZES = [(64, 43), (43, 64), (168, 168), (170, 300), (500, 333), (9, 90)]


def plain_grid(network: Any, states: Tensor) -> Tensor:
    """Region by region."""
    if states.dim() == 3:
        return states[:, network.num_prefix_tokens :]
    if getattr(network, "output_fmt", "NCHW") == "NHWC":
        states = states.permute(0, 3, 1, 2)
    _, _, height, width = states.shape
    return torch.stack([states[:, :, y, x] for y in range(height) for x in range(width)], 1)


@pytest.mark.parametrize("model", MODELS)
def test_features_are_those_of_timms_own_forward_pass(tmp_path: Path, model: str) -> None:
    network = tiny.save_timm(tmp_path / "w.safetensors", model)
    params = tiny.of_timm(tmp_path / "w.safetensors", model, outputs=ALL)
    batch = tiny.batch_of(of_model(model), 3)
    found = tiny.rows(params, batch)
    with torch.inference_mode():
        states = network.forward_features(batch)
        grid = plain_grid(network, states)
        pooled = network.forward_head(states, pre_logits=True)
        logits = network(batch)
    for output, expected in (("logits", logits), ("pooled", pooled)):
        torch.testing.assert_close(found[output], expected, rtol=1e-4, atol=1e-4)
        assert expected.std() > 1e-3
    torch.testing.assert_close(found["grid"].float(), grid, rtol=2e-3, atol=2e-3)
    assert grid.std() > 1e-3


@pytest.mark.parametrize(
    ("model", "others", "side"),
    [("test_vit", 1, 10), ("test_vit_relpos", 0, 10), ("vit_small_patch14_reg4_dinov2", 5, 37)],
)
def test_tokens_of_class_and_registers_are_no_regions(model: str, others: int, side: int) -> None:
    with torch.device("meta"):
        assert timm.create_model(model).num_prefix_tokens == others
    assert of_model(model).outputs["grid"].shape[0] == side**2


@pytest.mark.parametrize("model", ["pit_b_224", "mixer_s32_224", "levit_128"])
def test_tokens_of_which_a_model_says_nothing_are_no_regions(model: str) -> None:
    assert list(of_model(model).outputs) == ["logits", "pooled"]


@pytest.mark.parametrize(
    "model",
    [
        "test_vit",
        "test_resnet",
        "vit_base_patch16_siglip_224",  # stretched
        "dm_nfnet_f0",  # stretched, then cropped
        "vit_base_patch16_clip_224.openai",
        "resnet50.a1_in1k",
    ],
)
@pytest.mark.parametrize("extent", SIZES)
def test_bits_are_those_of_timms_own_transform(model: str, extent: tuple[int, int]) -> None:
    told = timm.get_pretrained_cfg(model).to_dict()
    transform = create_transform(**resolve_data_config(pretrained_cfg=told))
    image = photo(1, *extent)
    preprocessing = of_model(model).preprocessing
    pixels = torch.from_numpy(preprocessing.pixels(image).copy()).permute(2, 0, 1)[None]
    assert torch.equal(preprocessing.normalize(pixels)[0], transform(image))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("model", ["test_vit", "test_resnet", "test_efficientnet"])
def test_a_row_depends_on_neither_its_batch_nor_the_threads(
    tmp_path: Path, model: str, precision: str, threads: Callable[[int], None]
) -> None:
    """Those of torch's own batches do, for the third."""
    tiny.save_timm(tmp_path / "w.pth", model)
    params = tiny.of_timm(tmp_path / "w.pth", model, outputs=ALL, precision=precision)
    features = find_network(params, None).load().placed(tiny.CPU)
    tiny.assert_rows_are_steady(features, tiny.batch_of(of_model(model), 7), threads)


def test_a_store_is_the_same_in_any_batch_and_a_new_picture_is_one_pass(
    tmp_path: Path, make_corpus: Callable[..., Corpus]
) -> None:
    tiny.save_timm(tmp_path / "w.safetensors")
    given = tiny.of_timm(tmp_path / "w.safetensors", outputs=["grid"]).model_dump()
    corpus = make_corpus(*range(12))
    corpus.extract("one", batch=1, **given)
    corpus.extract("many", batch=16, workers=3, **given)
    assert corpus.content("one") == corpus.content("many")
    corpus.add(12)
    corpus.index()
    assert corpus.extract("one", **given).computed == 1
    reader = Reader(corpus.root / "one")
    assert reader.outputs["grid"].shape == (100, 64)  # what systems size themselves by
    assert reader.fingerprint.facts == {"model": "test_vit"}


def test_both_kinds_of_file_give_the_same_rows(tmp_path: Path) -> None:
    for name in ("w.safetensors", "w.pth"):
        tiny.save_timm(tmp_path / name)
    batch = tiny.batch_of(of_model("test_vit"), 1)
    found = [tiny.rows(tiny.of_timm(tmp_path / n), batch) for n in ("w.safetensors", "w.pth")]
    assert torch.equal(found[0]["grid"], found[1]["grid"])


def test_nothing_is_asked_of_the_internet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object) -> None:
        raise AssertionError(f"a connection to {given}")

    tiny.save_timm(tmp_path / "w.safetensors", "vit_tiny_patch16_224")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    model = "vit_tiny_patch16_224.augreg_in21k_ft_in1k"
    find_network(tiny.of_timm(tmp_path / "w.safetensors", model), None).load()


def test_timm_is_imported_where_it_is_needed() -> None:
    said = "import sys, pipeline.vision.backbones.timm; print('timm' in sys.modules)"
    run = [sys.executable, "-c", said]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_fingerprints_tell_models_weights_and_preprocessing_apart(tmp_path: Path) -> None:
    for seed in (1, 2):
        tiny.save_timm(tmp_path / f"{seed}.pth", seed=seed)
    given = [
        tiny.of_timm(tmp_path / "1.pth"),
        tiny.of_timm(tmp_path / "2.pth"),
        tiny.of_timm(tmp_path / "1.pth", "vit_tiny_patch16_224"),
        tiny.of_timm(tmp_path / "1.pth", resize="stretch"),
        tiny.of_timm(tmp_path / "1.pth", precision="bfloat16"),
    ]
    assert len({find_network(params, None).fingerprint.digest for params in given}) == len(given)
    tagged = tiny.of_timm(tmp_path / "1.pth", "test_vit.r160_in1k")
    assert find_network(tagged, None).fingerprint == find_network(given[0], None).fingerprint


def test_a_cluster_gets_the_same_network(tmp_path: Path) -> None:
    """The engine of Ray sends both to its actors."""
    tiny.save_timm(tmp_path / "w.pth")
    network = find_network(tiny.of_timm(tmp_path / "w.pth"), None)
    backbone, features = pickle.loads(pickle.dumps((network.backbone, network.load())))
    assert (backbone.name, backbone.facts) == ("timm", {"model": "test_vit"})
    batch = tiny.batch_of(backbone, 1)
    with torch.inference_mode():
        found = features.placed(tiny.CPU)(batch)["grid"]
    assert torch.equal(found, tiny.rows(tiny.of_timm(tmp_path / "w.pth"), batch)["grid"])


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("test_vits", "timm has no model 'test_vits' (did you mean 'test_vit'?)"),
        ("test_vit.in21k", "it has test_vit.r160_in1k"),
        ("hf-hub:timm/test_vit.r160_in1k", "timm has no model 'hf-hub:timm/test_vit.r160_in1k'"),
        ("crossvit_9_240", "ends in several tensors"),
        ("volo_d4_448", "cropped by 1.15 (center): only squares"),
    ],
)
def test_a_model_that_is_none_or_another_kind(model: str, words: str) -> None:
    with pytest.raises(PipelineError, match=re.escape(words)):
        find_network(tiny.of_timm(Path("w.pth"), model), None)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with pytest.raises(PipelineError, match=r"w\.safetensors': no such file$"):
        find_network(tiny.of_timm(path), None)
    tiny.save_timm(path, "vit_tiny_patch16_224")
    with pytest.raises(PipelineError, match=r"^these weights are not test_vit's: .*\n.*Unexpected"):
        find_network(tiny.of_timm(path), None).load()
    with pytest.raises(PipelineError, match=r"sha256 is \w+, not 00 as the parameter"):
        find_network(tiny.of_timm(path, sha256="00"), None)
    with pytest.raises(PipelineError, match=r"has no output 'grit' \(did you mean 'grid'"):
        find_network(tiny.of_timm(path, outputs=["grit"]), None)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(PipelineError, match=r"w\.safetensors: not a file of safetensors"):
        find_network(tiny.of_timm(path), None).load()
    with pytest.raises(PipelineError, match="two keys, `model`, its name in timm, and `file`"):
        find_network(tiny.block(backbone="timm", weights="imagenet"), None)
    pair = {"model": "vgg16", "file": "w.pth"}
    with pytest.raises(PipelineError, match="resnet50 is one network: its weights are a name"):
        find_network(tiny.block(backbone="resnet50", weights=pair), None)
    with pytest.raises(PipelineError, match="timm has no published weights"):
        load_backbone("timm")


def test_a_network_that_gives_nan_names_the_picture(
    tmp_path: Path, make_corpus: Callable[..., Corpus]
) -> None:
    network = tiny.save_timm(tmp_path / "w.pth")
    state = network.state_dict()
    state["norm.weight"].fill_(torch.nan)
    torch.save(state, tmp_path / "w.pth")
    given = tiny.of_timm(tmp_path / "w.pth").model_dump()
    with pytest.raises(PipelineError, match=r"\d\.png: timm gave a number that is not finite"):
        make_corpus(0).extract(**given)


def test_tags_have_the_names_of_imagenet_or_none(
    tmp_path: Path, make_corpus: Callable[..., Corpus]
) -> None:
    corpus = make_corpus(0, 1)
    for model in ("test_vit", "vit_tiny_patch16_224.augreg_in21k"):
        params = tiny.of_timm(Path("random:1"), model, outputs=["logits"])
        corpus.extract(model, **params.model_dump())
    report = tags(corpus.root / "test_vit", corpus.root / "tags.parquet", 2)
    assert (report.images, report.backbone) == (2, "timm")
    with pytest.raises(PipelineError, match="logits of 21843 classes, and names are known for"):
        tags(corpus.root / model, corpus.root / "tags.parquet", 2)
