"""The extraction loop: what it computes, what it leaves alone, and what survives a kill."""

import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from pipeline.corpus.images import read_images, usable
from pipeline.corpus.pixels import decode_bytes
from pipeline.errors import PipelineError
from pipeline.store.reader import Reader
from pipeline.vision import backbone as backbones
from pipeline.vision.backbone import Features, load_backbone
from pipeline.vision.extract import Report, extract
from pipeline.vision.weights import find_weights
from tests.vision.conftest import Corpus

ROOT = Path(__file__).parents[2]
MakeCorpus = Callable[..., Corpus]


def run(corpus: Corpus, store: str = "store", **options: object) -> Report:
    given = {
        "backbone": "efficientnet_lite0",
        "weights": "imagenet",
        "outputs": ["logits", "pooled"],
        "device": "cpu",
    }
    return extract(
        corpus.table,
        corpus.folder,
        corpus.root / store,
        **(given | options),  # type: ignore[arg-type]
    )


def content(store: Path) -> dict[str, str]:
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(store.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the batches that really went through a network."""
    lengths: list[int] = []
    forward = Features.forward

    def counted(self: Features, batch: torch.Tensor) -> dict[str, torch.Tensor]:
        lengths.append(len(batch))
        return forward(self, batch)

    monkeypatch.setattr(Features, "forward", counted)
    return lengths


def test_rows_are_what_the_network_gives_one_image_alone(make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(0, 1, 2)
    run(corpus, outputs=["logits", "pooled", "grid"])
    backbone = load_backbone("efficientnet_lite0")
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
    """Three threads compute three passes at a time, of the eight images that are worth it."""
    corpus = make_corpus(*range(27))
    for batch, workers, count in ((1, 1, 1), (3, 4, 2), (24, 2, 3)):
        threads(count)
        forwards.clear()
        run(corpus, f"store{batch}", outputs=["logits", "grid"], batch=batch, workers=workers)
        assert torch.get_num_threads() == count
    assert sorted(forwards) == [3, 8, 8, 8]
    one, three, many = (content(corpus.root / f"store{batch}") for batch in (1, 3, 24))
    assert one == three == many
    assert len(one) > 3


def test_all_threads_share_what_is_too_little_to_be_divided(
    make_corpus: MakeCorpus, forwards: list[int], threads: Callable[[int], None]
) -> None:
    threads(2)
    run(make_corpus(*range(10)), batch=16)
    assert forwards == [10]


def test_an_added_image_is_one_forward_pass_and_one_shard(
    make_corpus: MakeCorpus, forwards: list[int]
) -> None:
    corpus = make_corpus(*range(12))
    assert run(corpus, batch=5).computed == 12
    assert forwards == [5, 5, 2]
    before = content(corpus.root / "store")
    forwards.clear()
    corpus.add(12)
    corpus.index()
    report = run(corpus)
    assert forwards == [1]
    assert (report.computed, report.stored.rewritten) == (1, 1)
    assert str(report).startswith("1 image computed, 12 reused (13 usable ids,")
    after = content(corpus.root / "store")
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    shards = [name for name in changed if name not in ("index.parquet", "store.json")]
    assert len([name for name in shards if name in after]) == 1
    shutil.rmtree(corpus.root / "store")
    run(corpus)
    assert content(corpus.root / "store") == after  # grown or made at once, the same bytes


def test_a_removed_image_leaves_and_a_renamed_one_costs_nothing(
    make_corpus: MakeCorpus, forwards: list[int]
) -> None:
    corpus = make_corpus(0, 1, 2)
    run(corpus)
    forwards.clear()
    (corpus.folder / "0.png").unlink()
    (corpus.folder / "1.png").rename(corpus.folder / "renamed.png")
    corpus.index()
    report = run(corpus)
    assert forwards == []
    assert (report.computed, report.stored.removed, len(Reader(corpus.root / "store"))) == (0, 1, 2)


def test_nothing_missing_builds_no_network(
    make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make_corpus(0, 1)
    run(corpus)
    before = content(corpus.root / "store")
    shutil.rmtree(corpus.folder)  # nor is an image opened
    monkeypatch.setattr(backbones.Backbone, "build", None)
    report = run(corpus)
    assert report.computed == 0
    assert content(corpus.root / "store") == before


def test_equal_images_are_computed_once_and_bad_ones_masked(
    make_corpus: MakeCorpus, forwards: list[int]
) -> None:
    corpus = make_corpus(0, 1)
    shutil.copy(corpus.folder / "0.png", corpus.folder / "copy.png")
    (corpus.folder / "cut.png").write_bytes((corpus.folder / "0.png").read_bytes()[:500])
    corpus.index()
    report = run(corpus)
    assert sum(forwards) == 2
    assert (report.images, report.distinct, report.computed, report.masked) == (3, 2, 2, 1)
    keys = usable(read_images(corpus.table))
    assert keys["0"] == keys["copy"]
    assert set(Reader(corpus.root / "store").keys) == set(keys.values())


def test_another_fingerprint_computes_anew(make_corpus: MakeCorpus, forwards: list[int]) -> None:
    corpus = make_corpus(0, 1)
    for options in ({}, {"precision": "bfloat16"}, {"outputs": ["pooled"]}, {}):
        assert run(corpus, **options).computed == 2
    assert run(corpus, weights="random:1").computed == 2
    assert run(corpus, weights="random:2").computed == 2
    assert run(corpus, weights="random:2").computed == 0
    assert sum(forwards) == 12


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
        run(corpus)
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
        run(corpus)


def test_an_index_without_a_usable_image_is_an_error(make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(0)
    (corpus.folder / "0.png").write_bytes(b"")
    corpus.index()
    with pytest.raises(PipelineError, match=r"images\.parquet: none of its 1 images can be used"):
        run(corpus)


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
        run(corpus, **options)
    assert words in str(caught.value)


# The stage, stopping for good before its thirteenth image: however late the machine lets the test
# see the first shard, the run has not ended.
HELD = """
import runpy, time
from pipeline.store.store import Store
add, seen = Store.add, []
def held(*given):
    seen.append(given)
    if len(seen) > 12:
        time.sleep(600)
    add(*given)
Store.add = held
runpy.run_module("stages.extract", run_name="__main__")
"""


def start(
    corpus: Corpus,
    store: str,
    held: bool = False,
    batch: int = 1,
    largest_file: int = resource.RLIM_INFINITY,
    **block: object,
) -> subprocess.Popen[str]:
    """`python -m stages.extract`, as DVC runs it; no file may pass `largest_file` bytes."""
    settings = {"backbone": "efficientnet_lite0", "weights": "imagenet", "outputs": ["logits"]}
    lines = ["extract:", "  tags:"]
    lines += [f"    {key}: {value}" for key, value in (settings | block).items()]
    lines += [f"runtime: {{device: cpu, batch: {batch}, workers: 1}}", ""]
    (corpus.root / "params.yaml").write_text("\n".join(lines))
    command = [sys.executable, *(["-c", HELD] if held else ["-m", "stages.extract"])]
    command += [
        "--role",
        "tags",
        "--images",
        "images.parquet",
        "--folder",
        "images",
        "--store",
        store,
    ]
    return subprocess.Popen(
        command,
        cwd=corpus.root,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TORCH_HOME": "torch", "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file,) * 2),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on_to_the_same_bytes(
    make_corpus: MakeCorpus, sent: signal.Signals
) -> None:
    """The other run has other batches and threads, and is not disturbed: the same bytes."""
    corpus = make_corpus(*range(24))
    store = corpus.root / "killed"
    killed = start(corpus, "killed", held=True)
    while killed.poll() is None and not list(store.glob("0*.h5")):
        time.sleep(0.002)
    killed.send_signal(sent)
    _, error = killed.communicate(timeout=300)
    assert killed.returncode != 0
    assert "Traceback" not in error
    with pytest.raises(PipelineError):
        Reader(store).check()  # a run that did not end is no store
    assert 0 < run(corpus, "killed", outputs=["logits"], batch=3).computed < 24
    run(corpus, "undisturbed", outputs=["logits"], batch=16)
    assert content(store) == content(corpus.root / "undisturbed")


def test_ctrl_c_ends_within_two_seconds_and_keeps_the_committed_shards(
    make_corpus: MakeCorpus,
) -> None:
    """In the middle of a forward pass; seconds of its own work, for other programs run beside."""
    corpus = make_corpus(*range(40))
    store = corpus.root / "store"
    running = start(corpus, "store", batch=16)
    while running.poll() is None and not list(store.glob("0*.h5")):
        time.sleep(0.002)
    there = {path.name for path in store.glob("0*.h5")}
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    before = psutil.Process(running.pid).cpu_times()
    running.send_signal(signal.SIGINT)
    _, error = running.communicate(timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - others.ru_utime - others.ru_stime
    assert 0 < spent - before.user - before.system < 2
    assert running.returncode == 1
    assert error.splitlines()[-1] == "Aborted!"
    left = {path.name for path in store.iterdir()}
    assert there <= left
    assert not [name for name in left if ".tmp." in name]
    assert not (store / "index.parquet").exists()
    assert not store.with_name("store.lock").exists()
    assert run(corpus, outputs=["logits"]).computed < 40


def test_a_full_disk_leaves_no_half_shard_and_says_how_much_is_missing(
    make_corpus: MakeCorpus,
) -> None:
    """The limit on the size of a file: small shards fit, the first of four rows does not."""
    corpus = make_corpus(*range(24))
    full = start(corpus, "store", batch=8, largest_file=4 * 4000)
    out, error = full.communicate(timeout=300)
    assert (full.returncode, out) == (1, "")
    assert "Traceback" not in error
    found = re.search(r"it needs ([\d,]+) bytes.* (\d+) rows in (\d+) shards are .* about", error)
    assert found, error
    needed, rows, shards = (int(number.replace(",", "")) for number in found.groups())
    assert needed > 4 * 4000
    assert 0 < shards <= rows <= 24
    store = corpus.root / "store"
    assert all(path.stat().st_size <= 4 * 4000 for path in store.iterdir())
    assert not [path for path in store.iterdir() if ".tmp." in path.name]
    assert run(corpus, outputs=["logits"]).computed <= rows  # what was committed is kept
    run(corpus, "undisturbed", outputs=["logits"])
    assert content(store) == content(corpus.root / "undisturbed")


def test_missing_weights_end_the_stage_with_a_sentence(make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(0)
    process = start(corpus, "store", backbone="vgg16", outputs=["grid"])
    out, error = process.communicate(timeout=300)
    assert (process.returncode, out) == (1, "")
    assert error.startswith("Error: weights 'imagenet': vgg16-397923af.pth is not on this machine")
    assert "torch/hub/checkpoints" in error
    assert not (corpus.root / "store").exists()
