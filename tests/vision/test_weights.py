"""Where weights come from, and what is refused."""

import hashlib
import io
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from pipeline.errors import PipelineError
from pipeline.published import Published
from pipeline.vision.backbone import known_backbones, load_backbone
from pipeline.vision.weights import Weights, find_weights, read_state, state_sha256


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def saved(path: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network().state_dict(), path)
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published(
        "net-0123.pth", sha256(saved(tmp_path / "origin.pth")), "https://example.org/n"
    )


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


def find(published: Published, name: str = "imagenet", **options: object) -> Weights:
    return find_weights(name, {"imagenet": published}, network, **options)  # type: ignore[arg-type]


def test_a_name_is_found_in_the_mirror_before_torch_hubs_folder(
    tmp_path: Path, published: Published, hub: Path
) -> None:
    hub.mkdir(parents=True)
    shutil.copy(tmp_path / "origin.pth", hub / published.file)
    assert find(published).sha256 == published.sha256
    mirror = saved(tmp_path / "mirror" / published.file, seed=1)
    with pytest.raises(PipelineError, match=f"{mirror}: its sha256 is {sha256(mirror)}, not"):
        find(published, weights_dir=tmp_path / "mirror")  # hub has a sound one
    shutil.copy(hub / published.file, mirror)
    (hub / published.file).unlink()
    found = find(published, weights_dir=tmp_path / "mirror")
    assert found.sha256 == published.sha256
    assert state_sha256(found.load()) == state_sha256(torch.load(mirror, weights_only=True))


def test_missing_weights_say_where_to_put_them(
    tmp_path: Path, published: Published, hub: Path
) -> None:
    with pytest.raises(PipelineError) as caught:
        find(published)
    for words in (published.file, published.origin, published.sha256, str(hub), "weights_dir"):
        assert words in str(caught.value)
    with pytest.raises(PipelineError, match=f"put it into {tmp_path / 'mirror'};"):
        find(published, weights_dir=tmp_path / "mirror")


def test_a_published_file_that_is_another_is_refused(published: Published, hub: Path) -> None:
    wrong = sha256(saved(hub / published.file, seed=1))
    with pytest.raises(PipelineError) as caught:
        find(published)
    assert wrong in str(caught.value)
    assert published.sha256 in str(caught.value)


def test_a_file_of_ones_own_and_its_hash(tmp_path: Path, published: Published) -> None:
    path = saved(tmp_path / "mine.pth", seed=5)
    assert find(published, str(path)).sha256 == sha256(path)
    assert find(published, str(path), sha256=sha256(path).upper()).sha256 == sha256(path)
    with pytest.raises(PipelineError, match=f"{sha256(path)}, not 00 as the parameter sha256 says"):
        find(published, str(path), sha256="00")
    with pytest.raises(PipelineError, match=r"'imagnet'.*imagenet \(did you mean 'imagenet'\?\)"):
        find(published, "imagnet")


def test_random_weights_are_those_of_their_seed(published: Published) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, again, other = (find(published, f"random:{seed}") for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.sha256 == again.sha256 == state_sha256(first.load())
    assert first.sha256 != other.sha256
    for name in ("random:", "random:x", "random:-1", "random:1.5"):
        with pytest.raises(PipelineError, match="whole number"):
            find(published, name)


def test_the_hash_of_a_state_tells_names_shapes_types_and_values_apart() -> None:
    base = {"a": torch.zeros(2, 3), "b": torch.ones(1)}
    assert state_sha256(base) == state_sha256(dict(reversed(base.items())))
    others = [
        {"a": torch.zeros(3, 2), "b": torch.ones(1)},
        {"a": torch.zeros(2, 3), "c": torch.ones(1)},
        {"a": torch.zeros(2, 3), "b": torch.ones(1) + 1e-7},
        {"a": torch.zeros(2, 3), "b": torch.ones(1, dtype=torch.float64)},
        {"a": torch.zeros(2, 3)},
    ]
    assert len({state_sha256(state) for state in (base, *others)}) == 6


class Malicious:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> object:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_with_code_is_refused_and_not_run(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "bad.pth"
    state = {"weight": Malicious(tmp_path / "owned")}
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(PipelineError, match=r"bad\.pth: refused: .*run code"):
        read_state(path)
    assert not (tmp_path / "owned").exists()
    torch.load(path, weights_only=False)  # opened otherwise, the file does its harm
    assert (tmp_path / "owned").exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_both_formats_of_torch_are_read(tmp_path: Path, zipped: bool) -> None:
    """The files of 2017 have the older format, which cannot be mapped into memory."""
    torch.save(network().state_dict(), tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    assert zipfile.is_zipfile(tmp_path / "w.pth") == zipped
    assert read_state(tmp_path / "w.pth").keys() == network().state_dict().keys()


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x80\x02cut"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(PipelineError, match=r"w\.pth: "):
        read_state(tmp_path / "w.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_cut_file_is_refused(tmp_path: Path, zipped: bool) -> None:
    stream = io.BytesIO()
    torch.save(network().state_dict(), stream, _use_new_zipfile_serialization=zipped)
    (tmp_path / "w.pth").write_bytes(stream.getvalue()[: len(stream.getvalue()) // 2])
    with pytest.raises(PipelineError, match=r"w\.pth: "):
        read_state(tmp_path / "w.pth")


def test_anything_but_a_state_dict_is_refused(tmp_path: Path) -> None:
    for value in ([torch.zeros(1)], {"epoch": 3, "weight": torch.zeros(1)}, torch.zeros(2)):
        torch.save(value, tmp_path / "w.pth")
        with pytest.raises(PipelineError, match="expected a state dict"):
            read_state(tmp_path / "w.pth")
    (tmp_path / "w.pth").write_bytes(pickle.dumps({"weight": 1}, protocol=2))
    with pytest.raises(PipelineError, match=r"w\.pth: "):
        read_state(tmp_path / "w.pth")


@pytest.mark.parametrize("name", known_backbones())
def test_declared_hashes_begin_as_torchs_file_names_say(name: str) -> None:
    """By torch's convention the name ends in `-` and the first 8 digits of the SHA-256."""
    for published in load_backbone(name).weights.values():
        assert len(published.sha256) == 64
        assert Path(published.file).stem.endswith("-" + published.sha256[:8])


def test_the_embedded_weights_are_at_hand_and_are_what_is_declared() -> None:
    backbone = load_backbone("efficientnet_lite0")
    found = find_weights("imagenet", backbone.weights, backbone.network)
    assert found.sha256 == backbone.weights["imagenet"].sha256
