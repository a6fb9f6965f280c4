"""Waiting for states of processes and files."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil


def holder(lock: Path, starter: subprocess.Popen[bytes]) -> int:
    """The process that has written its id into the lock."""

    def written() -> bool:
        assert starter.poll() is None, "dvc ended before its stage took the lock"
        try:
            return lock.read_text(encoding="ascii").endswith("\n")
        except FileNotFoundError:
            return False

    wait_for(written, "the lock")
    return int(lock.read_text(encoding="ascii"))


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.002)


def alive(process: int) -> bool:
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
