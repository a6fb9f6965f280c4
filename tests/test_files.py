import errno
import hashlib
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.files import (
    NoRoomError,
    atomic_write,
    file_sizes,
    json_bytes,
    read_json,
    sha256_of,
    write_bytes,
    write_json,
)


def test_the_file_appears_at_the_end_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "table.npy"
    with atomic_write(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == ".npy"
        temporary.write_bytes(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_body_that_raises_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write() -> None:
        with atomic_write(path) as temporary:
            temporary.write_bytes(b"ne")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_read_only_link_into_a_cache_is_replaced_not_written_into(
    tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    cached = tmp_path / "cached"
    cached.write_bytes(b"old")
    cached.chmod(0o444)
    path = tmp_path / "workspace" / "file"
    path.parent.mkdir()
    link(path, cached)
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert not path.is_symlink()
    assert cached.read_bytes() == b"old"


def test_the_content_is_synced_before_the_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    fsync, replace = os.fsync, os.replace

    def spy_sync(descriptor: int) -> None:
        calls.append("folder" if Path(f"/proc/self/fd/{descriptor}").is_dir() else "file")
        fsync(descriptor)

    def spy_replace(*names: Path) -> None:
        calls.append("rename")
        replace(*names)

    monkeypatch.setattr(os, "fsync", spy_sync)
    monkeypatch.setattr(os, "replace", spy_replace)
    write_bytes(tmp_path / "file", b"content")
    assert calls == ["file", "rename", "folder"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_with_the_bytes_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NoRoomError, match=r"file: no room .* it needs 1,234 bytes, and [\d,]+ are"):
        write_bytes(tmp_path / "file", b"x" * 1234)
    assert not list(tmp_path.iterdir())


def test_a_real_limit_of_the_process(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pipeline.files import write_bytes\n"
        f"write_bytes(Path({str(tmp_path / 'file')!r}), bytes(100_000))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "it needs 100,000 bytes" in done.stderr
    assert "NoRoomError" in done.stderr
    assert not list(tmp_path.iterdir())


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_write(tmp_path / "file"):
            (tmp_path / "absent").read_bytes()

    with pytest.raises(FileNotFoundError, match="absent"):
        write()


def test_a_folder_that_may_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)  # root may always
    with pytest.raises(PipelineError, match="not writable"):
        write_bytes(tmp_path / "file", b"")


def test_equal_trees_give_equal_bytes(tmp_path: Path) -> None:
    one, two = {"b": [1, 2.5, None], "a": "é"}, {"a": "é", "b": [1, 2.5, None]}
    assert json_bytes(one) == json_bytes(two)
    write_json(tmp_path / "tree.json", one)
    assert (tmp_path / "tree.json").read_bytes() == json_bytes(two)
    assert read_json(tmp_path / "tree.json") == one
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_bytes(float("nan"))


def test_sha256_of_a_file(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_sizes_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"123")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "nowhere").symlink_to("absent")
    assert dict(file_sizes(tmp_path)) == {"file": 3, "folder": None, "link": 3, "nowhere": None}
