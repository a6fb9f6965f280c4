"""The stage `extract` broken off: killed, interrupted, out of room; then it goes on.

A child breaks itself off when it has come to a certain state, so that no test can miss its instant
on a machine that is faster or slower.
"""

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from pipeline.errors import PipelineError
from pipeline.params.extract import Extract
from pipeline.store.reader import Reader
from stages.extract import main
from tests.blocks import of_project, quiet
from tests.vision.conftest import Corpus

pytestmark = [pytest.mark.processor, pytest.mark.slow]  # each test runs the stage several times

ROOT = Path(__file__).parents[2]
MakeCorpus = Callable[..., Corpus]
IMAGES = range(24)
ARGUMENTS = ["--role", "tags", "--images", "images.parquet"]
ARGUMENTS += ["--folder", "images", "--store", "store"]

# The child sends itself a signal at the twentieth image, when a shard is on the disk.
SIGNALLED = """
import runpy, signal, sys, time
from pathlib import Path
from pipeline.store.store import Store
sent, add, seen = int(sys.argv.pop(1)), Store.add, []
def counted(*given):
    seen.append(given)
    if len(seen) == 20:
        while not list(Path("store").glob("0*.h5")):
            time.sleep(0.001)
        signal.raise_signal(sent)
    add(*given)
Store.add = counted
runpy.run_module("stages.extract", run_name="__main__")
"""

# The child interrupts itself in the middle of the second pass, when a shard of the first is on the
# disk. The pass goes on only when the loop was closed. Each pass that begins is printed.
INTERRUPTED = """
import runpy, signal, threading, time
from pathlib import Path
from pipeline.vision import passes
from pipeline.vision.forward import Forward
rows, begun, calls = Forward.rows, [], []
def counted(self, names, pixels):
    begun.append(names)
    print("pass", len(begun), flush=True)
    return rows(self, names, pixels)
class Held(passes._Until):
    def __torch_function__(self, *given):
        calls.extend([given] * (len(begun) == 2))
        if len(calls) == 30:
            while not list(Path("store").glob("0*.h5")):
                time.sleep(0.001)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            self._closed.wait()
        return super().__torch_function__(*given)
Forward.rows, passes._Until = counted, Held
runpy.run_module("stages.extract", run_name="__main__")
"""


def settle(corpus: Corpus, batch: int = 1, **changes: object) -> None:
    """Write params.yaml."""
    tags = of_project("extract.tags", Extract, **({"outputs": ["logits"]} | changes))
    runtime = quiet(batch=batch, workers=1)
    tree = {"extract": {"tags": tags.model_dump()}, "runtime": runtime.model_dump()}
    (corpus.root / "params.yaml").write_text(yaml.safe_dump(tree))


def stage(
    corpus: Corpus, *python: str, largest_file: int = resource.RLIM_INFINITY
) -> subprocess.CompletedProcess[str]:
    """Run `python *python` with the stage's arguments; no file may pass `largest_file` bytes."""
    return subprocess.run(
        [sys.executable, *python, *ARGUMENTS],
        cwd=corpus.root,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file,) * 2),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,  # this ends only a child that hangs for good
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The store of one whole run, with other batches and threads than the broken runs."""
    corpus = Corpus(tmp_path_factory.mktemp("undisturbed"))
    corpus.add(*IMAGES)
    corpus.index()
    corpus.extract(outputs=["logits"], batch=16)
    return corpus.content("store")


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on_to_the_same_bytes(
    make_corpus: MakeCorpus, undisturbed: dict[str, str], sent: signal.Signals
) -> None:
    corpus = make_corpus(*IMAGES)
    settle(corpus)
    killed = stage(corpus, "-c", SIGNALLED, str(int(sent)))
    assert killed.returncode == (-sent if sent == signal.SIGKILL else 1)
    assert "Traceback" not in killed.stderr
    with pytest.raises(PipelineError):
        Reader(corpus.root / "store").check()  # a run that did not end is no store
    assert 0 < corpus.extract(outputs=["logits"], batch=3).computed < 24
    assert corpus.content("store") == undisturbed


def test_ctrl_c_begins_no_further_pass_and_keeps_the_committed_shards(
    make_corpus: MakeCorpus, undisturbed: dict[str, str]
) -> None:
    corpus = make_corpus(*IMAGES)
    settle(corpus, batch=10)
    interrupted = stage(corpus, "-c", INTERRUPTED)
    assert interrupted.stdout == "pass 1\npass 2\n"  # there would be a third
    assert interrupted.returncode == 1
    assert interrupted.stderr.splitlines()[-1] == "Aborted!"
    store = corpus.root / "store"
    left = {path.name for path in store.iterdir()}
    assert left
    assert left <= undisturbed.keys() - {"index.parquet", "store.json"}  # nothing half-written
    assert not store.with_name("store.lock").exists()
    assert corpus.extract(outputs=["logits"]).computed < 24
    assert corpus.content("store") == undisturbed


def test_a_full_disk_leaves_no_half_shard_and_says_how_much_is_missing(
    make_corpus: MakeCorpus, undisturbed: dict[str, str]
) -> None:
    """The size of files is limited: small shards fit, the first one of four rows does not."""
    corpus = make_corpus(*IMAGES)
    settle(corpus, batch=8)
    full = stage(corpus, "-m", "stages.extract", largest_file=4 * 4000)
    assert (full.returncode, full.stdout) == (1, "")
    assert "Traceback" not in full.stderr
    found = re.search(
        r"it needs ([\d,]+) bytes.* (\d+) rows in (\d+) shards are .* about", full.stderr
    )
    assert found, full.stderr
    needed, rows, shards = (int(number.replace(",", "")) for number in found.groups())
    assert needed > 4 * 4000
    assert 0 < shards <= rows <= 24
    store = corpus.root / "store"
    assert all(path.stat().st_size <= 4 * 4000 for path in store.iterdir())
    assert not [path for path in store.iterdir() if ".tmp." in path.name]
    assert corpus.extract(outputs=["logits"]).computed <= rows  # committed shards are kept
    assert corpus.content("store") == undisturbed


def test_missing_weights_end_the_stage_with_a_sentence(
    make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make_corpus(0)
    settle(corpus, backbone="vgg16", outputs=["grid"])
    monkeypatch.chdir(corpus.root)
    monkeypatch.setenv("TORCH_HOME", "torch")
    done = CliRunner().invoke(main, ARGUMENTS)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "Error: weights 'imagenet': vgg16-397923af.pth is not on this machine"
    )
    assert "torch/hub/checkpoints" in done.stderr
    assert not (corpus.root / "store").exists()
