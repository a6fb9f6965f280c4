"""Systems and settings that do not fit are refused when they are read, with the nearest name."""

import importlib

import pytest

from pipeline.errors import PipelineError
from pipeline.params.block import ParamsError
from pipeline.systems.system import find_system, known_systems
from tests.systems.networks import COATTENTION, MODALITIES, PHRASES, make


@pytest.mark.parametrize(
    ("name", "model", "message"),
    [
        (MODALITIES, {"modalities": ["word"]}, r"model\.modalities\.0: .*did you mean 'words'"),
        (MODALITIES, {"modalities": ["image"]}, "without words or characters"),
        (MODALITIES, {"modalities": ["words", "words"]}, "stands here twice"),
        (MODALITIES, {"char_hidden": 75}, r"model\.char_hidden: .*multiple of 2"),
        ("bilstm_crf", {"hidden": 75}, r"model\.hidden: .*multiple of 2"),
        ("cwi", {"char_length": 4}, r"model\.char_length: .*greater than or equal to 8"),
        (COATTENTION, {"fusion": "scalar_gat"}, "did you mean 'scalar_gate'"),
    ],
)
def test_settings_that_do_not_fit_are_refused_when_they_are_read(
    name: str, model: dict[str, object], message: str
) -> None:
    with pytest.raises(ParamsError, match=message):
        make(name, **model)


def test_unknown_systems_and_settings_name_the_nearest() -> None:
    with pytest.raises(PipelineError, match=r"did you mean 'bilstm_crf'"):
        find_system("bilstm_crff")
    with pytest.raises(PipelineError, match="unknown system 'system'"):
        find_system("system")
    with pytest.raises(ParamsError, match=r"unknown key 'model\.droput' \(did you mean 'dropout'"):
        make("bilstm_crf", droput=0.3)


def test_a_file_of_two_systems_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("pipeline.systems.bilstm_crf")
    second = type("Second", (module.BiLSTMCRF,), {"__module__": module.__name__})
    monkeypatch.setattr(module, "Second", second, raising=False)
    with pytest.raises(PipelineError, match=r"bilstm_crf.py defines 2 public subclasses of System"):
        find_system("bilstm_crf")


def test_a_system_is_named_by_its_file_and_reads_each_cache_once() -> None:
    for name in known_systems():
        system = find_system(name)
        assert system.name == name
        caches = [read.cache for read in system.reads]
        assert len(caches) == len(set(caches))
        assert set(system.phrase_tables()) == set(caches) & set(PHRASES)
