"""Learning curves, in DVCLive's format, for `dvc plots` and the editor extensions that read it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from dvclive.live import Live

from pipeline.fit.loop import Epoch


class Curves:
    """The curves of one training run; a folder of its own, which DVC holds as a plots output."""

    def __init__(self, directory: Path) -> None:
        # No experiment, report or dvc.yaml of DVCLive's own: the stage is DVC's already.
        self._live = Live(
            str(directory), save_dvc_exp=False, dvcyaml=None, report=None, monitor_system=False
        )

    def __enter__(self) -> Curves:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.end()

    def log(self, epoch: Epoch) -> None:
        """Add one epoch's point to each curve."""
        self._live.log_metric("loss", epoch.loss)
        self._live.log_metric("dev_f1", epoch.score)
        self._live.next_step()
