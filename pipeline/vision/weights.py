"""Find the weights of a network by a published name, a file or a seed, and check their hash.

Nothing is downloaded here, since a stage that needs the internet fails on a cluster: `mner weights`
does it when a person asks. A file is looked for in the mirror folder `runtime.weights_dir`, in
torch hub's folder (where torchvision puts its downloads), and in the package that carries it. Its
whole SHA-256 is verified before it is opened, and it is opened as data only (`weights_only`).
"""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pipeline.errors import PipelineError, first_line
from pipeline.files import sha256_of
from pipeline.params.block import nearest
from pipeline.published import Published, find_file, folders, verify

SAFE = ".safetensors"
RANDOM = "random:"  # a seed follows; it is for tests and benchmarks

State = dict[str, Tensor]


@dataclass(frozen=True)
class Weights:
    """Weights that are at hand; `load` reads them.

    Attributes:
        sha256: the SHA-256 of the file, or of the canonical state if a seed made it.
        load: reads the state dict, on the CPU.
    """

    sha256: str
    load: Callable[[], State]


def find_weights(
    name: str,
    published: Mapping[str, Published],
    network: Callable[[], nn.Module],
    *,
    sha256: str | None = None,
    weights_dir: Path | None = None,
) -> Weights:
    """Find the weights called `name` and verify their hash.

    Args:
        name: a key of `published`, a path, or `random:SEED`.
        published: what the backbone's authors published.
        network: makes the network with fresh weights (for `random:SEED`).
        sha256: the SHA-256 of the file, if the caller knows it.
        weights_dir: a mirror folder, which is searched first.

    Raises:
        PipelineError: if there is no such file (the message says where to put it), or if its hash
            is not the expected one.
    """
    if name.startswith(RANDOM):
        state = _random_state(name, network)
        digest = state_sha256(state)
        verify(Path(name), digest, sha256, "as the parameter sha256 says")
        return Weights(digest, lambda: state)
    if name in published:
        path = _locate(name, published[name], weights_dir)
        digest = sha256_of(path)
        verify(path, digest, published[name].sha256, "as its authors published it")
    else:
        path = Path(name)
        if not path.is_file():
            known = ", ".join(sorted(published))
            reason = f"neither a file nor a name that this backbone knows: {known}"
            raise PipelineError(
                f"weights {name!r}: {reason if known else 'no such file'}{nearest(name, published)}"
            )
        digest = sha256_of(path)
    verify(path, digest, sha256, "as the parameter sha256 says")
    return Weights(digest, partial(read_state, path))


def read_state(path: Path) -> State:
    """Read a state dict; it is mapped into memory if the format of the file allows.

    Raises:
        PipelineError: if the file is damaged, or holds code or anything else than named tensors.
    """
    if path.suffix == SAFE:
        return read_safetensors(path)
    try:
        zipped = zipfile.is_zipfile(path)
        if zipped and _is_packed(path):
            raise PipelineError(
                f"{path}: refused: its parts are packed, which torch.save never does, and may"
                " unpack to more than the memory; get the file from its authors again"
            )
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except PipelineError:
        raise
    except pickle.UnpicklingError as error:
        raise PipelineError(
            f"{path}: refused: it holds more than tensors, and could run code when opened"
            f" ({first_line(error)})"
        ) from None
    except Exception as error:  # a damaged file makes the reader raise almost anything
        raise PipelineError(
            f"{path}: not a file of weights as torch.save writes it ({first_line(error)})"
        ) from None
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise PipelineError(f"{path}: expected a state dict (names to tensors)")
    return state


def read_safetensors(path: Path) -> State:
    """Read a state dict that `safetensors` wrote; it is mapped into memory.

    Raises:
        PipelineError: if the file is damaged.
    """
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise PipelineError(f"{path}: not a file of safetensors: {first_line(error)}") from None


def state_sha256(state: Mapping[str, Tensor]) -> str:
    """The SHA-256 of name, dtype, shape and bytes of each tensor, in the order of the names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def _is_packed(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist())


def _random_state(name: str, network: Callable[[], nn.Module]) -> State:
    seed = name.removeprefix(RANDOM)
    if not (seed.isascii() and seed.isdigit()):
        raise PipelineError(f"weights {name!r}: expected {RANDOM}SEED with a whole number as SEED")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(seed))
        return dict(network().state_dict())


def _locate(name: str, published: Published, weights_dir: Path | None) -> Path:
    path = find_file(published, weights_dir)
    if path is not None:
        return path
    mirror = "" if weights_dir else " (or into a folder that runtime.weights_dir names)"
    raise PipelineError(
        f"weights {name!r}: {published.file} is not on this machine. Get it from {published.origin}"
        f" and put it into {folders(published, weights_dir)[0]}{mirror}; its sha256 is"
        f" {published.sha256}. `mner weights` can do so. With `backbones: embedded` no file is"
        " needed."
    )
