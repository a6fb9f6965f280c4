"""Learning curves as `dvc plots` and the editor extensions read them (DVCLive's files).

A folder holds `plots/metrics/NAME.tsv` for each curve, with the columns step and NAME, and the last
values in `metrics.json`. DVCLive itself would write the same bytes, and take a second to import.
"""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.files import write_bytes
from pipeline.fit.loop import Epoch


class Curves:
    """The curves of one training run, in a folder of their own that DVC holds as a plots output."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._curves: dict[str, list[float]] = {"loss": [], "dev_f1": []}

    def log(self, epoch: Epoch) -> None:
        """Add one epoch's point to each curve; steps count from 0."""
        self._curves["loss"].append(epoch.loss)
        self._curves["dev_f1"].append(epoch.score)
        for name, values in self._curves.items():
            rows = [f"step\t{name}", *(f"{step}\t{value}" for step, value in enumerate(values))]
            path = self._directory / "plots" / "metrics" / f"{name}.tsv"
            write_bytes(path, "".join(f"{row}\n" for row in rows).encode())
        last: dict[str, float] = {name: values[-1] for name, values in self._curves.items()}
        last["step"] = len(self._curves["loss"]) - 1
        write_bytes(self._directory / "metrics.json", f"{json.dumps(last, indent=4)}\n".encode())
