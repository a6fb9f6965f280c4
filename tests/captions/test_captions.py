"""From captions to a table of them: training, and the two outputs."""

from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from pipeline.captions.beam import Found
from pipeline.captions.captioner import read_captioner
from pipeline.captions.corpus import Caption
from pipeline.captions.train import bleu, split
from pipeline.errors import PipelineError
from pipeline.tables.phrases import read_phrases
from tests.captions.world import CPU, NAMES, SUBJECTS, World
from tests.training.tiny import key_of

CAPTIONS = [Caption(image, (image, str(n))) for image in "abcd" for n in range(3)]


def test_dev_images_or_only_their_last_captions_are_held_out() -> None:
    random = np.random.default_rng(1)
    train, dev = split(CAPTIONS, "images", 0.5, random)
    assert len(dev) == 2
    assert {caption.image for caption in train} == set("abcd") - set(dev)
    train, dev = split(CAPTIONS, "captions", 1.0, random)
    assert {caption.words[1] for caption in train} == {"0", "1"}
    assert all(len(references) == 3 for references in dev.values())


@pytest.mark.parametrize(("count", "held_out"), [(3, "images"), (1, "captions")])
def test_too_few_captions_are_refused(count: int, held_out: str) -> None:
    with pytest.raises(PipelineError, match="none is left to train on or to try"):
        split(CAPTIONS[:count], held_out, 0.5, np.random.default_rng(1))  # type: ignore[arg-type]


def test_bleu_takes_any_reference() -> None:
    said = [("a", "cat", "on", "the", "mat"), ("two", "dogs", "run", "over", "grass")]
    references = [[("no",), said[0]], [said[1]]]
    assert bleu(said, references) == pytest.approx(100.0)
    assert bleu([("x",), ("y",)], references) < 1.0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(tmp_path_factory.mktemp("captions"))
    made.train(made.root / "model")
    return made


def test_every_picture_is_named(world: World) -> None:
    report = world.caption(world.root / "model", "captions")
    found = read_phrases(world.root / "captions.parquet")
    assert found.keyed_by == "image"
    assert found.facts == {"backbone": "tiny"}
    for name, subject in zip(NAMES, SUBJECTS, strict=True):
        assert subject in found.rows[key_of(name)].words
    assert str(report).startswith("8 images captioned, 8 different\n")
    assert world.lines[0] == "24 captions of 8 images"
    assert world.lines[-1].startswith("captioner: best epoch")


def test_the_two_outputs_say_the_same(world: World) -> None:
    world.caption(world.root / "model", "captions")
    captioner, _ = read_captioner(world.root / "model", CPU)
    table = pq.read_table(world.root / "captions.parquet").to_pydict()
    metadata = pq.read_schema(world.root / "captions.parquet").metadata
    with h5py.File(world.root / "captions.h5") as file:
        numbers, scores = file["words"][:], file["score"][:]
        keys = [bytes(key).hex() for key in file["keys"][:]]
        assert file.attrs["fingerprint"] == metadata[b"fingerprint"]
    assert (numbers.shape, numbers.dtype) == ((8, 6), np.int32)
    assert keys == table["key"] == sorted(table["key"])
    words = captioner.words(Found(torch.from_numpy(numbers), torch.zeros(8)))
    assert [list(one) for one in words] == table["words"]
    assert [" ".join(one) for one in words] == table["caption"]
    np.testing.assert_array_equal(np.array(table["score"], np.float32), scores)
    assert (scores < 0).all()


def test_training_and_captioning_again_give_the_same_bytes(world: World) -> None:
    world.train(world.root / "again")
    for name in ("weights.safetensors", "captioner.json", "history.json"):
        first, second = ((world.root / d / name).read_bytes() for d in ("model", "again"))
        assert first == second
    outputs = []
    for model, out in (("model", "one"), ("again", "two")):
        world.caption(world.root / model, out)
        outputs.append([(world.root / f"{out}{s}").read_bytes() for s in (".h5", ".parquet")])
    assert outputs[0] == outputs[1]


def test_batches_change_no_caption_and_the_beam_changes_the_fingerprint(world: World) -> None:
    tables = {}
    for name, width, batch in (("a", 3, 1), ("b", 3, 8), ("c", 1, 8)):
        world.caption(world.root / "model", name, width, batch)
        tables[name] = read_phrases(world.root / f"{name}.parquet")
    assert tables["a"].rows == tables["b"].rows
    assert tables["a"].fingerprint == tables["b"].fingerprint != tables["c"].fingerprint


def test_features_of_another_network_are_refused(world: World, tmp_path: Path) -> None:
    other = World(tmp_path, version=2)
    with pytest.raises(PipelineError, match="trained on features with the fingerprint"):
        other.caption(world.root / "model", "captions")


def test_a_store_without_the_captioned_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="lacks 3 captioned images"):
        World(tmp_path, NAMES[:5]).train(tmp_path / "model")
