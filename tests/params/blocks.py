"""The blocks of params.yaml, the project's own values of them, and how a wrong one is refused."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipeline.params.block import Block, ParamsError, load, parse
from pipeline.params.extract import Extract
from pipeline.params.sections import SECTIONS
from pipeline.systems.adaptive_coattention import AdaptiveCoAttention
from pipeline.systems.bilstm_crf import BiLSTMCRF
from pipeline.systems.cnn_bilstm_crf import CNNBiLSTMCRF
from tests.conftest import ROOT

PARAMS = ROOT / "params.yaml"
BLOCKS: dict[str, type[Block]] = SECTIONS | {
    "extract.tags": Extract,
    "extract.regions": Extract,
    "systems.bilstm_crf": BiLSTMCRF.Params,
    "systems.cnn_bilstm_crf": CNNBiLSTMCRF.Params,
    "systems.adaptive_coattention": AdaptiveCoAttention.Params,
}
Write = Callable[[str], Path]


def tree(section: str) -> Any:
    """The section of the project's own params.yaml."""
    found: Any = _params()
    for key in section.split("."):
        found = found[key]
    return deepcopy(found)


@cache
def _params() -> dict[str, Any]:
    return load(PARAMS)


def changed(section: str, **changes: object) -> dict[str, Any]:
    """The same, with some values replaced."""
    value: dict[str, Any] = tree(section)
    return value | changes


def refusal(value: object, block: type[Block], where: str = "params.yaml: x") -> list[str]:
    with pytest.raises(ParamsError) as caught:
        parse(value, block, where)
    return str(caught.value).splitlines()
