"""What a backbone gives is checked against what it declares."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline.errors import PipelineError
from pipeline.fingerprint import Output
from pipeline.vision.backbone import Features, Parts, checked

DECLARED = {"pooled": Output((3,), "float32"), "grid": Output((2, 3), "float16")}


def given() -> dict[str, Tensor]:
    return {"pooled": torch.ones(2, 3), "grid": torch.ones(2, 2, 3, dtype=torch.float16)}


def test_checked_passes_what_is_declared() -> None:
    arrays = checked("net", DECLARED, given(), ["a.jpg", "b.jpg"])
    assert arrays["pooled"].dtype == np.float32
    assert arrays["grid"].shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("output", "tensor", "words"),
    [
        ("pooled", None, r"gave \['grid'\], but declares \['grid', 'pooled'\]"),
        ("extra", torch.ones(2, 3), "gave"),
        ("pooled", torch.ones(2, 4), r"'pooled' is \(2, 4\) torch.float32"),
        ("pooled", torch.ones(3, 3), r"'pooled' is \(3, 3\)"),
        ("grid", torch.ones(2, 2, 3), r"'grid' is \(2, 2, 3\) torch.float32"),
        ("pooled", torch.tensor([[1.0, 2, 3], [1, torch.nan, 3]]), "^b.jpg: .*not finite"),
        ("grid", torch.full((2, 2, 3), torch.inf, dtype=torch.float16), "^a.jpg: .*'grid'"),
    ],
)
def test_checked_refuses_what_is_not(output: str, tensor: Tensor | None, words: str) -> None:
    found = given() | ({} if tensor is None else {output: tensor})
    if tensor is None:
        del found[output]
    with pytest.raises(PipelineError, match=words):
        checked("net", DECLARED, found, ["a.jpg", "b.jpg"])


def test_a_grid_beyond_float16_is_refused_and_not_stored_as_infinity() -> None:
    class Large(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            return torch.full((len(batch), 3, 1, 2), 7e4)

    outputs = {"grid": DECLARED["grid"]}
    features = Features(Parts(Large(), nn.Identity(), head_reads="pooled"), outputs)
    with pytest.raises(PipelineError, match=r"a\.jpg: .* not finite in 'grid'"):
        checked("net", outputs, features(torch.zeros(1, 3, 8, 8)), ["a.jpg"])
