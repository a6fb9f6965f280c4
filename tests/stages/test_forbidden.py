"""A file or folder that may not be used ends a stage or command with a sentence."""

import errno
import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli.params import main as params
from pipeline.params.block import ParamsError, load
from stages.command import stage


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_whatever_a_stage_does(number: int) -> None:
    @click.command()
    @stage
    def main() -> None:
        raise OSError(number, os.strerror(number), "features/x")

    done = CliRunner().invoke(main)
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: features/x: cannot be used ({os.strerror(number)}); ")
    assert isinstance(done.exception, SystemExit)


def test_another_error_of_the_system_is_not_hidden() -> None:
    @click.command()
    @stage
    def main() -> None:
        raise OSError(errno.EINVAL, "a fault of ours")

    assert isinstance(CliRunner().invoke(main).exception, OSError)


def test_params_in_a_folder_that_is_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if nothing would change."""
    monkeypatch.chdir(Path(__file__).parents[2])
    made = tmp_path / "params.yaml"
    assert CliRunner().invoke(params, ["--params", str(made)]).exit_code == 0
    before = made.read_bytes()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    done = CliRunner().invoke(params, ["--params", str(made)])
    assert (done.exit_code, "is not writable" in done.output) == (1, True)
    assert made.read_bytes() == before


def test_params_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, **_: object) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(ParamsError, match=r"params\.yaml: cannot be read \(Permission denied\)"):
        load(tmp_path / "params.yaml")
