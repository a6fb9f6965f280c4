"""What `benchmarks/sample.py` masks, and that a model cannot tell a masked table from its own."""

from pathlib import Path

import pytest

from benchmarks import sample
from pipeline.systems.adaptive_coattention import AdaptiveCoAttention
from pipeline.systems.bilstm_crf import BiLSTMCRF
from pipeline.systems.system import System
from pipeline.systems.trimod import TriMod
from pipeline.tables.phrases import NONE, plain, read_phrases, write_phrases
from pipeline.training.phrases import Phrases


@pytest.fixture
def features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_phrases(tmp_path / "captions.parquet", "image", "a", [("f" * 64, plain(["a", "cat"]))])
    write_phrases(
        tmp_path / "hashtags.parquet",
        "token",
        "b",
        [("#PetLife", plain(["Pet", "Life"])), ("#citywalk", plain(["city", "walk"]))],
        facts={"segmenter": "neural"},
    )
    monkeypatch.setattr(sample, "FEATURES", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("system", "signals"),
    [
        (BiLSTMCRF, []),
        (AdaptiveCoAttention, ["pictures"]),
        (TriMod, ["pictures", "hashtags"]),
    ],
)
def test_tables_keyed_by_image_go_with_the_pictures(
    features: Path, system: type[System], signals: list[str]
) -> None:
    assert sample.readable(system.reads) == signals


def test_a_masked_table_has_the_keys_and_the_fingerprint_and_no_word(features: Path) -> None:
    full = features / "hashtags.parquet"
    masked = sample.without_words(full, features / "masked.parquet")
    assert read_phrases(masked).rows == {"#PetLife": NONE, "#citywalk": NONE}
    one, other = (Phrases({"hashtags": path}, None) for path in (full, masked))
    assert one.fingerprints == other.fingerprints
    assert one.facts == other.facts
