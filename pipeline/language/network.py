"""The network behind an encoder: pieces in, the states of its layers out."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from pipeline.errors import PipelineError, first_line
from pipeline.language.encoder import Folder
from pipeline.language.steady import steady
from pipeline.pretrained import CONFIG, joined, read_config, weight_files

NUMBERS = ("hidden_size", "num_hidden_layers", "vocab_size")
UNUSED = ("pooler.",)  # weights that no state depends on
# As BERT's own files, and others as old, call the weights of a norm; transformers renames them too.
LEGACY = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


@dataclass(frozen=True)
class Files:
    """The files of a network, read and not yet made one.

    Attributes:
        folder: where they lie.
        config: what config.json says.
        config_sha256: its digest.
        weights: the names of the files of weights.
        sha256: the digest of the weights.
    """

    folder: Folder
    config: dict[str, Any]
    config_sha256: str
    weights: tuple[str, ...]
    sha256: str


def read_files(folder: Folder) -> Files:
    """Read what a network consists of.

    Raises:
        PipelineError: for a folder without config or safetensors; pickled weights are refused.
    """
    config = read_config(folder)
    for key in NUMBERS:
        if not isinstance(config.get(key), int):
            raise PipelineError(
                f"{folder / CONFIG}: not the description of an encoder ({key} is no number)"
            )
    names = weight_files(folder)
    digests = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names]
    digest = hashlib.sha256((folder / CONFIG).read_bytes()).hexdigest()
    return Files(folder, config, digest, names, joined(digests))


class States(nn.Module):
    """The network: pieces (B, T) -> the states of some layers, (B, T, layers, width) float32."""

    def __init__(self, network: nn.Module, layers: list[int], precision: str) -> None:
        super().__init__()
        self.network = network
        self.layers = layers
        self._dtype = getattr(torch, precision)

    def forward(self, ids: Tensor) -> Tensor:
        """All pieces count: posts of one batch are equally long, so that nothing is masked."""
        full = self._dtype == torch.float32
        with nullcontext() if full else torch.autocast(ids.device.type, self._dtype):
            made = self.network(
                input_ids=ids, output_hidden_states=True, return_dict=True
            ).hidden_states
        return torch.stack([made[layer].float() for layer in self.layers], 2)


def build(
    files: Files, layers: list[int], precision: str, window: int, device: torch.device
) -> States:
    """Build what gives the states of `layers`, on `device`; raises as `load_network`."""
    network = load_network(files, window)
    if device.type == "cpu":
        steady(network, precision)
    return States(network, layers, precision).to(device)


def load_network(files: Files, window: int) -> nn.Module:
    """The network with its weights, as `transformers` has it; it reads `window` pieces at once.

    Raises:
        PipelineError: if `transformers` does not know its kind, the weights are another's, or the
            window is longer than it can read.
    """
    from transformers import AutoConfig, AutoModel  # here: it takes seconds

    folder = files.folder
    try:
        config = AutoConfig.for_model(**files.config)
        # whatever the file's own dtype: params say the precision
        made = AutoModel.from_config(config, dtype=torch.float32)
    except Exception as error:  # the library raises almost anything for what it does not know
        reason = first_line(error)
        raise PipelineError(f"{folder / CONFIG}: no network that is known: {reason}") from None
    state: dict[str, Tensor] = {}
    for name in files.weights:
        try:
            state |= load((folder / name).read_bytes())
        except SafetensorError as error:
            raise PipelineError(f"{folder / name}: not a file of safetensors: {error}") from None
    prefix = f"{made.base_model_prefix}."
    state = {_named(name.removeprefix(prefix)): value for name, value in state.items()}
    try:
        missing = made.load_state_dict(state, strict=False).missing_keys
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip()
        raise PipelineError(f"{folder}: its weights do not fit its {CONFIG}: {reason}") from None
    lacking = [name for name in missing if not name.startswith(UNUSED)]
    if lacking:
        raise PipelineError(
            f"{folder}: its weights lack {len(lacking)} of those that {CONFIG} asks for, such as "
            f"{lacking[0]}"
        )
    made.eval().requires_grad_(False)
    try:
        with torch.inference_mode():
            made(input_ids=torch.full((1, window), config.vocab_size - 1))
    except (IndexError, RuntimeError):
        raise PipelineError(
            f"{folder}: cannot read {window} pieces at once; lower the window in params"
        ) from None
    except Exception as error:
        reason = first_line(error)
        raise PipelineError(f"{folder / CONFIG}: its network does not run: {reason}") from None
    network: nn.Module = made
    return network


def _named(name: str) -> str:
    """The name that the network has for a weight of a file."""
    for old, new in LEGACY.items():
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name
