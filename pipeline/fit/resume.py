"""The states of trainings on disk, so that a killed stage goes on from them, to the same bits.

DVC removes a stage's outputs before it runs the stage again; these files lie elsewhere and are no
output. Each names what decided its training (`key`): a state of other code or other inputs is told
and passed over. A stage that ends well removes its states.
"""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from pipeline.errors import first_line
from pipeline.files import atomic_write, sha256_of
from pipeline.fingerprint import digest
from pipeline.params.runtime import Runtime

PACKAGES = ("pipeline", "stages")
BEST = ".best.safetensors"  # the end of the name of what a diverged training leaves
SHARE = 50  # states are written so rarely that they take at most one part of so many of the time

# What torch.load raises for a file that is cut, damaged, or something else.
UNREADABLE = (
    OSError,
    EOFError,
    RuntimeError,
    LookupError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)

State = Mapping[str, Any]


class Slot:
    """The place of one training's state.

    Args:
        path: the file.
        key: names all that decides the training.
        seconds: between two states, at least.
        say: is told what becomes of a file that is found.
    """

    def __init__(self, path: Path, key: str, seconds: float, say: Callable[[str], None]) -> None:
        self.path = path
        self._key, self._seconds, self._say = key, seconds, say
        self._last, self._cost = time.monotonic(), 0.0

    def read(self) -> State | None:
        """The state of an earlier run of the same training, if there is one that can be read."""
        if not self.path.exists():
            return None
        try:
            found = torch.load(self.path, map_location="cpu", weights_only=True)
            key, state = found["key"], found["state"]
        except UNREADABLE as error:
            self._say(f"{self.path}: no whole state ({first_line(error)}); training starts anew")
            return None
        if key != self._key:
            self._say(f"{self.path}: of other code or other inputs; training starts anew")
            return None
        self._say(f"{self.path}: training goes on from this state")
        going_on: State = state
        return going_on

    def offer(self, state: Callable[[], State]) -> None:
        """Write the state if the last one was written long enough ago."""
        if time.monotonic() - self._last >= max(self._seconds, SHARE * self._cost):
            self.write(state())

    def write(self, state: State) -> None:
        """Write the state, whole or not at all.

        Raises:
            NoRoomError: if there is no room for it; the state before it stays.
        """
        begun = time.monotonic()
        with atomic_write(self.path) as temporary:
            torch.save({"key": self._key, "state": dict(state)}, temporary)
        self._last = time.monotonic()
        self._cost = self._last - begun

    def keep(self, weights: Mapping[str, Tensor]) -> Path:
        """Write the weights of the best epoch of a training that cannot go on: the file."""
        path = self.path.with_suffix(BEST)
        with atomic_write(path) as temporary:
            save_file(
                {name: value.contiguous().cpu() for name, value in weights.items()}, temporary
            )
        return path


class Slots:
    """The states of one stage's trainings.

    Args:
        stage: the stage's name; no two stages share one.
        runtime: where states lie and how often they are written.
        decides: a JSON tree of all that decides the trainings, beside the code.
        inputs: the files and folders that they read.
    """

    def __init__(
        self, stage: str, runtime: Runtime, decides: Mapping[str, Any], inputs: Iterable[Path]
    ) -> None:
        self._stage, self._seconds = stage, runtime.checkpoint_seconds
        self._folder = None if runtime.checkpoints is None else Path(runtime.checkpoints)
        self._key = ""
        if self._folder is not None:
            named = {str(path): contents(path) for path in inputs}
            made_by = {"code": sources(), "torch": torch.__version__}
            self._key = digest({"decides": decides, "inputs": named, **made_by})
            if runtime.fresh:
                self.clear()

    def of(self, training: str, say: Callable[[str], None]) -> Slot | None:
        """The place of the state of one training, such as "seed-1"; None: none is kept."""
        if self._folder is None:
            return None
        path = self._folder / self._stage / f"{training}.pt"
        return Slot(path, f"{self._key} {training}", self._seconds, say)

    def clear(self) -> None:
        """Remove the states of all trainings of the stage."""
        if self._folder is None:
            return
        folder = self._folder / self._stage
        for path in [*folder.glob("*.pt"), *folder.glob(f"*{BEST}")]:
            path.unlink()
        for emptied in (folder, self._folder):
            with suppress(OSError):  # it holds other states, or is not there
                emptied.rmdir()


def contents(path: Path) -> Any:
    """What a file or folder holds, for a key: hashes, and of HDF5 shards their names and sizes.

    A shard's rows follow from its store's keys and fingerprint, which lie in files beside it.
    """
    if path.is_dir():
        return {part.name: contents(part) for part in sorted(path.iterdir())}
    if path.suffix == ".h5":
        return path.stat().st_size
    return sha256_of(path)


def sources() -> dict[str, str]:
    """Module -> hash of its source, for all modules of the project that this process imported."""
    found = {}
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in PACKAGES and file is not None:
            found[name] = sha256_of(Path(file))
    return found
