"""Learning curves as `dvc plots` and the editor extensions read them (DVCLive's files).

A folder holds `plots/metrics/NAME.tsv` for each curve, with the columns step and NAME, and the last
values in `metrics.json`. DVCLive itself would write the same bytes, and take a second to import.
"""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.fit.loop import Epoch


class Curves:
    """The curves of one training run, in a folder of their own that DVC holds as a plots output."""

    def __init__(self, directory: Path) -> None:
        self._summary = directory / "metrics.json"
        self._plots = directory / "plots" / "metrics"
        self._plots.mkdir(parents=True, exist_ok=True)
        self._steps = 0

    def log(self, epoch: Epoch) -> None:
        """Add one epoch's point to each curve; steps count from 0."""
        values: dict[str, float] = {"loss": epoch.loss, "dev_f1": epoch.score}
        for name, value in values.items():
            heading = "" if self._steps else f"step\t{name}\n"
            with (self._plots / f"{name}.tsv").open("a" if self._steps else "w") as file:
                file.write(f"{heading}{self._steps}\t{value}\n")
        summary = values | {"step": self._steps}
        self._summary.write_text(f"{json.dumps(summary, indent=4)}\n", encoding="utf-8")
        self._steps += 1
