"""The extraction loop: what it computes, and what it leaves alone."""

import shutil
import threading
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import torch

from pipeline.corpus.images import read_images, usable
from pipeline.corpus.pixels import decode_bytes
from pipeline.errors import PipelineError
from pipeline.store.reader import Reader
from pipeline.vision import backbone as backbones
from pipeline.vision.backbone import Features, load_backbone
from pipeline.vision.cpu.processor import onednn_has
from pipeline.vision.weights import find_weights
from tests.vision.conftest import Corpus

pytestmark = pytest.mark.processor

MakeCorpus = Callable[..., Corpus]


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the batches that went through a network."""
    lengths: list[int] = []
    forward = Features.forward

    def counted(self: Features, batch: torch.Tensor) -> dict[str, torch.Tensor]:
        lengths.append(len(batch))
        return forward(self, batch)

    monkeypatch.setattr(Features, "forward", counted)
    return lengths


@pytest.mark.parametrize("resize", ["crop", "stretch"])
def test_rows_are_what_the_network_gives_one_image_alone(
    make_corpus: MakeCorpus, resize: Literal["crop", "stretch"]
) -> None:
    corpus = make_corpus(0, 1, 2)
    corpus.extract(outputs=["logits", "pooled", "grid"], resize=resize)
    backbone = load_backbone("efficientnet_lite0").resizing(resize)
    state = find_weights("imagenet", backbone.weights, backbone.network).load()
    features = backbone.build(state, backbone.outputs, "float32")
    reader = Reader(corpus.root / "store")
    assert dict(reader.outputs) == dict(backbone.outputs)
    assert len(reader) == 3
    for image, sha256 in usable(read_images(corpus.table)).items():
        picture = decode_bytes((corpus.folder / f"{image}.png").read_bytes())
        pixels = torch.from_numpy(backbone.preprocessing.pixels(picture).copy())
        with torch.inference_mode():
            batch = backbone.preprocessing.normalize(pixels.permute(2, 0, 1)[None])
            given = features(batch.to(memory_format=torch.channels_last))
        for output, tensor in given.items():
            np.testing.assert_array_equal(reader.row(output, sha256), tensor[0].numpy())


def test_batch_and_threads_change_no_byte(
    make_corpus: MakeCorpus, forwards: list[int], threads: Callable[[int], None]
) -> None:
    """Three threads compute three passes at a time, each of at least eight images."""
    corpus = make_corpus(*range(27))
    for batch, workers, count in ((1, 1, 1), (3, 4, 2), (24, 2, 3)):
        threads(count)
        forwards.clear()
        corpus.extract(f"store{batch}", outputs=["logits", "grid"], batch=batch, workers=workers)
        assert torch.get_num_threads() == count
    assert sorted(forwards) == [3, 8, 8, 8]
    one, three, many = (corpus.content(f"store{batch}") for batch in (1, 3, 24))
    assert one == three == many
    assert len(one) > 3


def test_all_threads_share_what_is_too_little_to_be_divided(
    make_corpus: MakeCorpus, forwards: list[int], threads: Callable[[int], None]
) -> None:
    threads(2)
    make_corpus(*range(10)).extract(batch=16)
    assert forwards == [10]


def test_an_added_image_is_one_forward_pass_and_one_shard(
    make_corpus: MakeCorpus, forwards: list[int]
) -> None:
    corpus = make_corpus(*range(12))
    assert corpus.extract(batch=5).computed == 12
    assert forwards == [5, 5, 2]
    before = corpus.content("store")
    forwards.clear()
    corpus.add(12)
    corpus.index()
    report = corpus.extract()
    assert forwards == [1]
    assert (report.computed, report.stored.rewritten) == (1, 1)
    assert str(report).startswith("1 image computed, 12 reused (13 usable ids,")
    after = corpus.content("store")
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    shards = [name for name in changed if name not in ("index.parquet", "store.json")]
    assert len([name for name in shards if name in after]) == 1
    shutil.rmtree(corpus.root / "store")
    corpus.extract()
    assert corpus.content("store") == after  # it has the same bytes whether it grew or not


def test_a_removed_image_leaves_and_a_renamed_one_costs_nothing(
    make_corpus: MakeCorpus, forwards: list[int]
) -> None:
    corpus = make_corpus(0, 1, 2)
    corpus.extract()
    forwards.clear()
    (corpus.folder / "0.png").unlink()
    (corpus.folder / "1.png").rename(corpus.folder / "renamed.png")
    corpus.index()
    report = corpus.extract()
    assert forwards == []
    assert (report.computed, report.stored.removed, len(Reader(corpus.root / "store"))) == (0, 1, 2)


def test_nothing_missing_builds_no_network(
    make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make_corpus(0, 1)
    corpus.extract()
    before = corpus.content("store")
    shutil.rmtree(corpus.folder)  # no image is opened either
    monkeypatch.setattr(backbones.Backbone, "build", None)
    report = corpus.extract()
    assert report.computed == 0
    assert corpus.content("store") == before


def test_equal_images_are_computed_once_and_bad_ones_masked(
    make_corpus: MakeCorpus, forwards: list[int]
) -> None:
    corpus = make_corpus(0, 1)
    shutil.copy(corpus.folder / "0.png", corpus.folder / "copy.png")
    (corpus.folder / "cut.png").write_bytes((corpus.folder / "0.png").read_bytes()[:500])
    corpus.index()
    report = corpus.extract()
    assert sum(forwards) == 2
    assert (report.images, report.distinct, report.computed, report.masked) == (3, 2, 2, 1)
    keys = usable(read_images(corpus.table))
    assert keys["0"] == keys["copy"]
    assert set(Reader(corpus.root / "store").keys) == set(keys.values())


def test_another_fingerprint_computes_anew(make_corpus: MakeCorpus, forwards: list[int]) -> None:
    corpus = make_corpus(0, 1)
    for options in ({}, {"outputs": ["pooled"]}, {}):
        assert corpus.extract(**options).computed == 2
    assert corpus.extract(say=lambda _: None, precision="bfloat16").computed == 2
    assert corpus.extract(weights="random:1").computed == 2
    assert corpus.extract(weights="random:2").computed == 2
    assert corpus.extract(weights="random:2").computed == 0
    assert corpus.extract(weights="random:2", resize="stretch").computed == 2
    assert "stretched" in Reader(corpus.root / "store").fingerprint.preprocessing
    assert sum(forwards) == 14


@pytest.mark.parametrize("has", [True, False])
def test_a_precision_without_instructions_is_said_before_the_first_pass(
    make_corpus: MakeCorpus, forwards: list[int], monkeypatch: pytest.MonkeyPatch, has: bool
) -> None:
    if not has:
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    elif not onednn_has(torch.device("cpu"), torch.bfloat16):
        pytest.skip("needs a processor with instructions for bfloat16")
    said: list[tuple[str, int]] = []

    def say(line: str) -> None:
        said.append((line, len(forwards)))

    corpus = make_corpus(0, 1)
    assert corpus.extract(say=say, precision="bfloat16").computed == 2
    sentence = (
        "efficientnet_lite0: this processor has no instructions for bfloat16, so that features come"
        " out right, but some ten times slower than in float32"
    )
    assert said == ([] if has else [(sentence, 0)])


@pytest.mark.parametrize("change", ["other content", "gone", "damaged"])
def test_a_file_that_changed_since_the_index_is_refused(
    make_corpus: MakeCorpus, change: str
) -> None:
    corpus = make_corpus(*range(4))
    path = corpus.folder / "3.png"
    if change == "gone":
        path.unlink()
    elif change == "damaged":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        shutil.copy(corpus.folder / "2.png", path)
    threads = threading.active_count()
    with pytest.raises(PipelineError, match=r"images/3\.png: .*dvc repro index_images"):
        corpus.extract()
    assert threading.active_count() == threads
    assert not (corpus.root / "store" / "index.parquet").exists()


def test_a_number_that_is_not_finite_names_its_image(
    make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make_corpus(0, 1, 2)
    forward = Features.forward

    def broken(self: Features, batch: torch.Tensor) -> dict[str, torch.Tensor]:
        given = forward(self, batch)
        given["pooled"][1, 7] = torch.nan
        return given

    monkeypatch.setattr(Features, "forward", broken)
    second = sorted((sha, image) for image, sha in usable(read_images(corpus.table)).items())[1][1]
    with pytest.raises(PipelineError, match=rf"images/{second}\.png: .*not finite in 'pooled'"):
        corpus.extract()


def test_an_index_without_a_usable_image_is_an_error(make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(0)
    (corpus.folder / "0.png").write_bytes(b"")
    corpus.index()
    with pytest.raises(PipelineError, match=r"images\.parquet: none of its 1 images can be used"):
        corpus.extract()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backbone": "resnet5"}, "unknown backbone 'resnet5' (did you mean 'resnet50'?)"),
        ({"outputs": ["grids"]}, "no output 'grids' (did you mean 'grid'?)"),
        ({"weights": "nowhere.pth"}, "weights 'nowhere.pth': neither a file nor a name"),
        ({"sha256": "00"}, "not 00 as the parameter sha256 says"),
        ({"device": "gpu"}, "'gpu' is no device"),
    ],
)
def test_what_a_person_can_mend_is_said(
    make_corpus: MakeCorpus, options: dict[str, object], words: str
) -> None:
    corpus = make_corpus(0)
    with pytest.raises(PipelineError) as caught:
        corpus.extract(**options)
    assert words in str(caught.value)
