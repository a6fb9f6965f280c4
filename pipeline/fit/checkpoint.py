"""A trained network on disk: its weights as safetensors, its history as JSON beside them."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from pipeline.errors import PipelineError
from pipeline.files import atomic_write, write_json
from pipeline.fit.loop import Fitted

WEIGHTS = "weights.safetensors"


def save(network: nn.Module, fitted: Fitted, directory: Path) -> None:
    """Write `weights.safetensors` and `history.json` into `directory`.

    The history leaves out the seconds, so that the same run gives the same bytes.
    """
    directory.mkdir(parents=True, exist_ok=True)
    state = {name: value.contiguous().cpu() for name, value in network.state_dict().items()}
    with atomic_write(directory / WEIGHTS) as temporary:
        save_file(state, temporary)
    epochs = [{"epoch": e.epoch, "loss": e.loss, "score": e.score} for e in fitted.history]
    write_json(directory / "history.json", {"best_epoch": fitted.best.epoch, "epochs": epochs})


def load(network: nn.Module, directory: Path) -> None:
    """Read the weights in `directory` into `network`.

    Raises:
        PipelineError: naming the file, if it is missing, damaged, or of another network.
    """
    path = directory / WEIGHTS
    try:
        network.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise PipelineError(f"{path}: no such file; run the train stage or `dvc pull` it") from None
    except SafetensorError as error:
        raise PipelineError(f"{path}: damaged ({error}); `dvc pull` it or train again") from None
    except RuntimeError as error:
        raise PipelineError(f"{path}: weights of another network: {error}") from None
