"""The extraction on a local Ray of two CPU actors: the same bytes, whoever dies."""

import hashlib
import os
import signal
from collections.abc import Callable, Iterator

import pytest
import torch

from pipeline.cluster.work import AHEAD
from pipeline.errors import PipelineError
from pipeline.progress import Shares
from pipeline.store.reader import Reader
from pipeline.store.store import Store
from pipeline.vision.backbone import load_backbone
from pipeline.vision.cpu.processor import emulates
from pipeline.vision.decode import File
from pipeline.vision.ray_engine import fill_on_ray
from pipeline.vision.weights import find_weights
from tests.blocks import quiet
from tests.local_ray import actors, three_cpus
from tests.vision.conftest import Corpus

pytestmark = [pytest.mark.processor, pytest.mark.slow]

MakeCorpus = Callable[..., Corpus]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    with three_cpus():
        yield


def test_the_bytes_are_those_of_the_local_engine_with_an_actor_killed_in_the_middle(
    make_corpus: MakeCorpus,
) -> None:
    """When the actors are killed, two tasks of each are under way and others not begun yet."""
    corpus = make_corpus(*range(40))
    corpus.extract("local", outputs=["pooled"], batch=16)
    backbone = load_backbone("efficientnet_lite0")
    weights = find_weights("imagenet", backbone.weights, backbone.network)
    kept = backbone.select(["pooled"])
    features = backbone.build(weights.load(), kept, "float32")
    files = {
        hashlib.sha256(path.read_bytes()).hexdigest(): path for path in corpus.folder.iterdir()
    }
    shares = Shares()
    runtime = quiet(batch=4, actors=2)
    with Store(corpus.root / "ray", Reader(corpus.root / "local").fingerprint) as store:
        missing = [File(files[key], key) for key in store.missing(files)]
        filling = fill_on_ray(store, backbone, features, missing, shares, runtime, pytest.fail)
        counts = [next(filling)]
        before = actors("_Extracts")
        assert before
        for pid in before:  # on a busy machine the second actor may start later
            os.kill(pid, signal.SIGKILL)
        counts += filling
        assert not before & actors("_Extracts")
        store.finish()
    assert sum(counts) == 40
    assert len(counts) > 2 * AHEAD + 1
    assert corpus.content("ray") == corpus.content("local")
    assert set(shares.seconds) == {"decode", "forward", "write"}


def test_a_store_grows_on_ray_and_bad_input_is_a_sentence(make_corpus: MakeCorpus) -> None:
    """Where bfloat16 is slow, each of two actors tells so when it starts, but it is said once.

    Pictures are stretched, on whichever worker decodes them.
    """
    here: list[str] = []
    there: list[str] = []
    low = {"outputs": ["pooled"], "precision": "bfloat16", "resize": "stretch"}
    corpus = make_corpus(*range(10))
    corpus.extract("grown", here.append, batch=16, **low)
    corpus.add(*range(10, 13))
    corpus.index()
    picture = corpus.folder / "12.png"
    sound = picture.read_bytes()
    picture.write_bytes(b"")
    with pytest.raises(PipelineError, match=r"^\S*images/12\.png: changed since index_images"):
        corpus.extract("grown", lambda _: None, engine="ray", actors=1, **low)
    picture.write_bytes(sound)
    grown = corpus.extract("grown", there.append, engine="ray", actors=2, batch=1, **low)
    assert 1 <= grown.computed <= 3
    assert here == there
    assert len(here) == emulates(torch.device("cpu"), torch.bfloat16)
    corpus.extract("single", lambda _: None, batch=16, **low)
    assert corpus.content("grown") == corpus.content("single")


def test_actors_that_do_not_fit_are_refused_before_anything_waits_for_them(
    make_corpus: MakeCorpus,
) -> None:
    corpus = make_corpus(0)
    with pytest.raises(PipelineError, match="3 actors and a CPU to decode do not fit"):
        corpus.extract("store", engine="ray", actors=3)
