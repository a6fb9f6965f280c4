"""Weights are fetched from a server on this machine: whole, in pieces, and from bad servers."""

import errno
import fcntl
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grimp
import pytest

from pipeline.errors import PipelineError
from pipeline.files import NoRoomError
from pipeline.published import Published
from pipeline.vision import download as module
from pipeline.vision.backbone import known_backbones, load_backbone
from pipeline.vision.download import download

CONTENT = bytes(range(256)) * 12_000  # three of the pieces that are read at a time


class Server(ThreadingHTTPServer):
    """Serves `content`; `stop_after` cuts an answer off, `ranges` off is a server without them."""

    content = CONTENT
    stop_after: int | None = None
    ranges = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []  # the Range of each request


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.server.asked.append(asked)
        if self.path != "/net.pth":
            self.send_error(404)
            return
        start = 0
        if asked and self.server.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(self.server.content):
                self.send_error(416)
                return
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.stop_after])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


@pytest.fixture
def published(server: Server) -> Published:
    origin = f"http://127.0.0.1:{server.server_address[1]}/net.pth"
    return Published("net-0123.pth", hashlib.sha256(CONTENT).hexdigest(), origin)


def part_of(folder: Path) -> Path:
    return folder / "net-0123.pth.part"


def test_the_file_comes_whole_into_a_new_folder(
    tmp_path: Path, published: Published, capfd: pytest.CaptureFixture[str]
) -> None:
    path = download(published, tmp_path / "new", "bar")
    assert path == tmp_path / "new" / published.file
    assert path.read_bytes() == CONTENT
    assert not part_of(tmp_path / "new").exists()
    assert "MiB" in capfd.readouterr().err


def test_an_interrupted_download_goes_on_from_what_it_has(
    tmp_path: Path, published: Published, server: Server
) -> None:
    server.stop_after = 1_500_000
    with pytest.raises(PipelineError, match=r"keeps 1,500,000 bytes: run the same command again"):
        download(published, tmp_path, "none")
    assert part_of(tmp_path).stat().st_size == 1_500_000
    assert not (tmp_path / published.file).exists()
    server.stop_after = None
    assert download(published, tmp_path, "none").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1500000-"]


def test_a_server_without_ranges_sends_all_again(
    tmp_path: Path, published: Published, server: Server
) -> None:
    part_of(tmp_path).write_bytes(CONTENT[:1000])
    server.ranges = False
    assert download(published, tmp_path, "none").read_bytes() == CONTENT


def test_a_part_that_is_whole_already_needs_its_name_alone(
    tmp_path: Path, published: Published, server: Server
) -> None:
    part_of(tmp_path).write_bytes(CONTENT)
    assert download(published, tmp_path, "none").read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("there", [b"", b"other bytes", b"x" * 2 * len(CONTENT)])
def test_bytes_that_are_not_the_published_ones_are_removed(
    tmp_path: Path, published: Published, there: bytes, server: Server
) -> None:
    part_of(tmp_path).write_bytes(there)
    if not there:
        server.content = b"<html>Please log in.</html>"
    with pytest.raises(PipelineError, match=f"not {published.sha256} as its authors") as caught:
        download(published, tmp_path, "none")
    assert published.origin in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    server.content = CONTENT
    assert download(published, tmp_path, "none").read_bytes() == CONTENT


def test_a_server_that_does_not_have_it_or_is_not_there(
    tmp_path: Path, published: Published
) -> None:
    with pytest.raises(PipelineError, match=r"nets\.pth: HTTP Error 404"):
        download(replace(published, origin=f"{published.origin[:-4]}s.pth"), tmp_path, "none")
    with pytest.raises(PipelineError, match=r"127\.0\.0\.1:1/net\.pth: .*refused"):
        download(replace(published, origin="http://127.0.0.1:1/net.pth"), tmp_path, "none")


def test_a_full_disk_keeps_what_has_come(
    tmp_path: Path, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "_fill", full)
        with pytest.raises(NoRoomError, match=r"\.part: no room .*goes on from what is there"):
            download(published, tmp_path, "none")
    assert download(published, tmp_path, "none").read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, published: Published) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PipelineError, match=r"cannot be written .*runtime\.weights_dir"):
        download(published, tmp_path / "file" / "folder", "none")


def test_one_process_downloads_a_file(tmp_path: Path, published: Published) -> None:
    with part_of(tmp_path).open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(PipelineError, match="another process"):
            download(published, tmp_path, "none")


def test_a_file_of_a_package_is_not_downloaded(tmp_path: Path, published: Published) -> None:
    packaged = replace(published, origin="the package x", package=("x", "y"))
    with pytest.raises(PipelineError, match="comes with the package x"):
        download(packaged, tmp_path, "none")


def test_no_stage_and_no_network_imports_it() -> None:
    graph = grimp.build_graph("pipeline", "stages", "cli")
    assert graph.find_downstream_modules("pipeline.vision.download") == {"cli.weights"}


@pytest.mark.parametrize("name", known_backbones())
def test_what_has_no_package_is_published_at_torchvisions_address(name: str) -> None:
    for published in load_backbone(name).weights.values():
        if published.package is None:
            assert published.origin == f"https://download.pytorch.org/models/{published.file}"
