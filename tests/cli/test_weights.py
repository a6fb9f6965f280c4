"""`mner weights`: what is there, what is missing, and the way to it."""

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import weights as module
from cli.weights import main
from pipeline.published import Published

CONTENT = b"the weights"
ORIGIN = "https://example.org/vgg16.pth"
PUBLISHED = Published("vgg16.pth", hashlib.sha256(CONTENT).hexdigest(), ORIGIN)


def mner_weights(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torch hub's empty folder, and a VGG-16 whose published file is small."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    vgg16 = module.load_backbone("vgg16")
    monkeypatch.setitem(vgg16.weights, "imagenet", PUBLISHED)  # type: ignore[arg-type]
    return tmp_path / "hub" / "checkpoints"


def test_every_backbone_is_told_of(hub: Path) -> None:
    told = mner_weights().output
    assert "efficientnet_lite0, weights imagenet: there, sha256 verified" in told
    for name in ("inception_v3", "resnet50", "vgg16"):
        assert f"{name}, weights imagenet: missing" in told
        assert f"`mner weights {name} --download`" in told
    assert told.count(f"looked in {hub}") == 3
    assert ORIGIN in told


def test_a_file_is_verified(hub: Path) -> None:
    hub.mkdir(parents=True)
    (hub / "vgg16.pth").write_bytes(CONTENT)
    assert mner_weights("vgg16").output == (
        f"vgg16, weights imagenet: there, sha256 verified\n  {hub / 'vgg16.pth'}\n"
    )
    (hub / "vgg16.pth").write_bytes(b"other")
    told = mner_weights("vgg16").output
    assert "another file or damaged" in told
    assert PUBLISHED.sha256 in told
    assert hashlib.sha256(b"other").hexdigest() in told


def test_what_is_missing_is_fetched_once_and_when_asked(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = []

    def download(published: Published, folder: Path, mode: str) -> None:
        fetched.append((published, folder))
        folder.mkdir(parents=True)
        (folder / published.file).write_bytes(CONTENT)

    monkeypatch.setattr(module, "download", download)
    mner_weights("vgg16")
    assert fetched == []
    for _ in range(2):
        assert "there, sha256 verified" in mner_weights("vgg16", "--download").output
    assert fetched == [(PUBLISHED, hub)]


def test_wrong_calls_are_told(hub: Path) -> None:
    assert "unknown backbone 'vgg61' (did you mean 'vgg16'?)" in mner_weights("vgg61").output
    refused = mner_weights("--download")
    assert refused.exit_code == 2
    assert "--download needs a BACKBONE" in refused.output
