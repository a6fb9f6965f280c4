"""Words encoded on a local Ray: the bytes of the local engine, and its errors."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pipeline.corpus.posts import read_posts, words_key
from pipeline.errors import PipelineError
from pipeline.language import ray_engine
from pipeline.language.encode import Report, encode
from pipeline.language.words import find_words
from pipeline.params.context import Encode
from pipeline.params.runtime import Engine
from pipeline.store.store import Store
from tests.blocks import quiet
from tests.language import tiny
from tests.local_ray import three_cpus
from tests.store.oracle import content

pytestmark = [pytest.mark.processor, pytest.mark.slow]

RANDOM = np.random.default_rng(5)
TEXTS = [RANDOM.choice(tiny.PLAIN, RANDOM.integers(1, 12)).tolist() for _ in range(900)]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    with three_cpus():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "bert"
    tiny.save(path)
    return path


def run(
    at: Path, params: Encode, texts: list[list[str]], engine: Engine, actors: int | None = None
) -> Report:
    posts = tiny.write(at / "posts.parquet", texts)
    return encode(posts, at / "store", params, quiet(engine=engine, actors=actors))


def test_a_store_grows_on_ray_to_the_bytes_of_the_local_engine(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "TOGETHER", 64)
    params = tiny.params(folder)
    run(tmp_path / "ray", params, TEXTS[:600], "ray", actors=2)
    grown = run(tmp_path / "ray", params, TEXTS, "ray")  # as many actors as there are CPUs
    assert grown.computed == grown.distinct - len({words_key(words) for words in TEXTS[:600]})
    run(tmp_path / "local", params, TEXTS, "local")
    assert content(tmp_path / "ray" / "store") == content(tmp_path / "local" / "store")


def test_the_post_whose_words_are_not_finite_is_named(tmp_path: Path, folder: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    state = load_file(other / "model.safetensors")
    state["embeddings.word_embeddings.weight"][:] = np.nan
    save_file(state, other / "model.safetensors")
    with pytest.raises(PipelineError, match=r"^post \w+/\d+: transformers gave a number that is"):
        run(tmp_path, tiny.params(other), TEXTS[:9], "ray")


def test_a_node_with_other_files_is_refused(tmp_path: Path, folder: Path) -> None:
    """The driver reads the encoder first, and each actor again, where it runs."""
    other = shutil.copytree(folder, tmp_path / "other")
    found = find_words(tiny.params(other), None)
    rows = read_posts(tiny.write(tmp_path / "posts.parquet", TEXTS[:9]))
    posts = {words_key(post.tokens): post for post in rows}
    tiny.save(other, seed=2)
    with Store(tmp_path / "store", found.fingerprint) as store:
        todo = {key: posts[key] for key in store.missing(posts)}
        filling = ray_engine.fill_on_ray(store, found, todo, quiet(engine="ray"))
        message = rf"^{other}: a node of the cluster has other files of this name[^\n]*$"
        with pytest.raises(PipelineError, match=message):
            list(filling)
