"""The files of the curves are DVCLive's, to the byte."""

from pathlib import Path

from pipeline.fit.loop import Epoch
from pipeline.training.curves import Curves


def test_the_curves_are_what_dvclive_writes(tmp_path: Path) -> None:
    for _ in range(2):  # a second run replaces the first
        curves = Curves(tmp_path)
        curves.log(Epoch(1, 15.139396884224631, 0.0, 0.5))
        curves.log(Epoch(2, 1e-07, 100 / 3, 0.5))
    found = {
        path.relative_to(tmp_path).as_posix(): path.read_text()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert found == {
        "plots/metrics/loss.tsv": "step\tloss\n0\t15.139396884224631\n1\t1e-07\n",
        "plots/metrics/dev_f1.tsv": "step\tdev_f1\n0\t0.0\n1\t33.333333333333336\n",
        "metrics.json": (
            '{\n    "loss": 1e-07,\n    "dev_f1": 33.333333333333336,\n    "step": 1\n}\n'
        ),
    }
