"""The stage `encode` as a store of features: incremental, whole, and refused in one sentence."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pipeline.corpus.posts import words_key
from pipeline.errors import PipelineError
from pipeline.language import local_engine
from pipeline.language.encode import Report, encode
from pipeline.language.words import find_words
from pipeline.store.reader import Reader
from tests.blocks import quiet
from tests.conftest import ROOT
from tests.language import tiny
from tests.store.oracle import content

RANDOM = np.random.default_rng(5)
TEXTS = [RANDOM.choice(tiny.PLAIN, RANDOM.integers(1, 12)).tolist() for _ in range(300)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "bert"
    tiny.save(path)
    return path


def run(at: Path, folder: Path, texts: list[list[str]], batch: int = 16, **other: Any) -> Report:
    posts = tiny.write(at / "posts.parquet", texts)
    return encode(posts, at / "store", tiny.params(folder, **other), quiet(batch=batch))


def test_a_store_holds_a_row_for_each_distinct_text(tmp_path: Path, folder: Path) -> None:
    report = run(tmp_path, folder, [*TEXTS, TEXTS[0], TEXTS[7]])
    distinct = {words_key(words) for words in TEXTS}
    assert (report.posts, report.distinct, report.computed) == (302, len(distinct), len(distinct))
    reader = Reader(tmp_path / "store")
    assert set(reader.keys) == distinct
    found = reader.views("words", [words_key(words) for words in TEXTS])
    assert [row.shape for row in found] == [(len(words), 3, tiny.WIDTH) for words in TEXTS]


def test_one_new_post_is_one_forward_pass_and_the_bytes_are_those_of_one_run(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "grown", folder, TEXTS)
    report = run(tmp_path / "grown", folder, [["a", "new", "post"], *TEXTS[:-1]], batch=2)
    assert report.computed == 1
    monkeypatch.setattr(local_engine, "PART", 7)
    run(tmp_path / "fresh", folder, [*TEXTS[:-1], ["a", "new", "post"]], batch=5)
    assert content(tmp_path / "grown" / "store") == content(tmp_path / "fresh" / "store")


def test_nothing_new_loads_no_network(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, folder, TEXTS)
    monkeypatch.setattr("pipeline.language.words.build", None)
    assert run(tmp_path, folder, TEXTS[::-1]).computed == 0


@pytest.mark.parametrize(
    "other",
    [
        {"layers": [2]},
        {"pieces": "first"},
        {"window": 40, "overlap": 12},
        {"overlap": 10},
        {"fold_urls": True},
        {"precision": "bfloat16"},
    ],
)
def test_whatever_changes_a_number_changes_the_fingerprint(
    folder: Path, other: dict[str, Any]
) -> None:
    plain = find_words(tiny.params(folder), None).fingerprint
    assert find_words(tiny.params(folder, **other), None).fingerprint.digest != plain.digest


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_each_file_is_in_the_fingerprint(tmp_path: Path, folder: Path, name: str) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    plain = find_words(tiny.params(other), None).fingerprint.digest
    path = other / name
    if name == "model.safetensors":
        state = load_file(path)
        save_file({key: value + np.float32(0.001) for key, value in state.items()}, path)
    else:
        path.write_text(json.dumps(json.loads(path.read_text()), indent=7))
    assert find_words(tiny.params(other), None).fingerprint.digest != plain


# The child kills itself at the fifth part, when a shard is on the disk.
KILLED = """
import signal, sys, time
from pathlib import Path
from pipeline.language import local_engine
from pipeline.language.encode import encode
from pipeline.store.store import Store
from tests.blocks import quiet
from tests.language import tiny
posts, store, encoder = map(Path, sys.argv[1:])
add, seen = Store.add, []
def counted(*given):
    seen.append(given)
    if len(seen) == 5:
        while not list(store.glob("0*.h5")):
            time.sleep(0.001)
        signal.raise_signal(signal.SIGKILL)
    add(*given)
Store.add, local_engine.PART = counted, 100
encode(posts, store, tiny.params(encoder), quiet())
"""


def test_a_killed_run_goes_on_from_its_last_shard(tmp_path: Path, folder: Path) -> None:
    texts = [[*words, str(at)] for at, words in enumerate(TEXTS * 3)]
    posts, store = tiny.write(tmp_path / "posts.parquet", texts), tmp_path / "store"
    child = subprocess.run([sys.executable, "-c", KILLED, posts, store, folder], cwd=ROOT)
    assert child.returncode == -signal.SIGKILL
    assert encode(posts, store, tiny.params(folder), quiet()).computed < len(texts)
    encode(posts, tmp_path / "fresh", tiny.params(folder), quiet())
    assert content(store) == content(tmp_path / "fresh")


def broken(tmp_path: Path, folder: Path) -> Path:
    return shutil.copytree(folder, tmp_path / "broken")


def test_pickled_weights_are_refused_by_name(tmp_path: Path, folder: Path) -> None:
    other = broken(tmp_path, folder)
    (other / "model.safetensors").rename(other / "pytorch_model.bin")
    with pytest.raises(PipelineError, match=r"refused: pytorch_model.bin is pickled"):
        run(tmp_path, other, TEXTS)
    (other / "pytorch_model.bin").unlink()
    with pytest.raises(PipelineError, match=r"holds no model\.safetensors"):
        run(tmp_path, other, TEXTS)


def test_the_tokenizer_of_another_model_is_refused(tmp_path: Path, folder: Path) -> None:
    other = broken(tmp_path, folder)
    tiny.tokenizer_of("roberta").save(str(other / "tokenizer.json"))
    with pytest.raises(PipelineError, match=r"pieces, its network .* another network"):
        run(tmp_path, other, TEXTS)
    (other / "tokenizer.json").write_text("{}")
    with pytest.raises(PipelineError, match="its tokenizer cannot be read"):
        run(tmp_path, other, TEXTS)
    (other / "tokenizer.json").unlink()
    with pytest.raises(PipelineError, match="holds no tokenizer"):
        run(tmp_path, other, TEXTS)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"width": 64}, r"its words are 32 wide, but params say 64"),
        ({"layers": [0, 5]}, r"has the layers 0 to 2, but params ask for 5"),
        ({"window": 200}, r"cannot read 200 pieces at once"),
        ({"sha256": "0" * 64}, r"its sha256 is .*, not 0000"),
        ({"weights": "nowhere"}, r"there is no folder nowhere: put one there"),
        ({"encoder": "transformer"}, r"unknown encoder 'transformer' \(did you mean"),
        ({"encoder": "minilm", "weights": "sentence"}, r"minilm knows sentences"),
    ],
)
def test_params_that_do_not_fit_are_refused(
    tmp_path: Path, folder: Path, other: dict[str, Any], message: str
) -> None:
    with pytest.raises(PipelineError, match=message):
        run(tmp_path, folder, TEXTS, **other)


def test_weights_of_another_network_are_refused(tmp_path: Path, folder: Path) -> None:
    other = broken(tmp_path, folder)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"intermediate_size": 50}))
    with pytest.raises(PipelineError, match=r"do not fit its config\.json"):
        run(tmp_path, other, TEXTS)
    (other / "config.json").write_text(json.dumps(config))
    state = load_file(other / "model.safetensors")
    lost = next(name for name in state if "attention" in name)
    save_file({k: v for k, v in state.items() if k != lost}, other / "model.safetensors")
    with pytest.raises(PipelineError, match=r"its weights lack 1 of those .* asks for"):
        run(tmp_path, other, TEXTS)


def test_norms_that_an_old_file_calls_gamma_and_beta_are_read(tmp_path: Path, folder: Path) -> None:
    """So the files of bert-base-uncased do."""
    run(tmp_path / "new", folder, TEXTS[:9])
    other = broken(tmp_path, folder)
    state = load_file(other / "model.safetensors")
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for new, old in names.items():
        state = {name.replace(new, old): value for name, value in state.items()}
    save_file(state, other / "model.safetensors")
    run(tmp_path / "old", other, TEXTS[:9])
    assert rows(tmp_path / "old") == rows(tmp_path / "new")


def rows(at: Path) -> dict[str, bytes]:
    reader = Reader(at / "store")
    return {key: reader.views("words", [key])[0].tobytes() for key in reader.keys}


@pytest.mark.parametrize("told", [{"dtype": "bfloat16"}, {"return_dict": False}])
def test_what_a_config_says_of_its_own_use_changes_no_number(
    tmp_path: Path, folder: Path, told: dict[str, Any]
) -> None:
    run(tmp_path / "plain", folder, TEXTS[:9])
    other = broken(tmp_path, folder)
    configure(other, told)
    run(tmp_path / "told", other, TEXTS[:9])
    assert rows(tmp_path / "told") == rows(tmp_path / "plain")


def configure(folder: Path, told: dict[str, Any]) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | told))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"num_attention_heads": 5}, r"config\.json: no network that is known: The hidden size"),
        ({"hidden_act": "nope"}, r"config\.json: no network that is known: 'nope'"),
        ({"hidden_dropout_prob": "x"}, r"no network that is known: .*'hidden_dropout_prob'"),
        ({"model_type": "nope"}, r"no network that is known: .{,300}…?$"),
        ({"vocab_size": None}, r"not the description of an encoder \(vocab_size is no number"),
        ({"chunk_size_feed_forward": 7}, r"config\.json: its network does not run: "),
        ({"quantization_config": {"load_in_8bit": True}}, r"quantised weights are not read"),
    ],
)
def test_a_config_that_makes_no_network_is_a_sentence(
    tmp_path: Path, folder: Path, told: dict[str, Any], message: str
) -> None:
    other = broken(tmp_path, folder)
    configure(other, told)
    with pytest.raises(PipelineError, match=message):
        run(tmp_path, other, TEXTS)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("{", r"index\.json: cannot be read as JSON"),
        ("[" * 100_000, r"index\.json: cannot be read as JSON"),
        ("[]", r"index\.json: holds no JSON object"),
        ("{}", r"index\.json: names no file of weights"),
        ('{"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}', r"1 of the 2 .*'b\."),
        ('{"weight_map": {"a": "../bert/model.safetensors"}}', r"0 of the 1 parts"),
    ],
)
def test_weights_in_parts_of_which_some_are_not_there_are_refused(
    tmp_path: Path, folder: Path, index: str, message: str
) -> None:
    other = broken(tmp_path, folder)
    (other / "model.safetensors").rename(other / "a.safetensors")
    (other / "model.safetensors.index.json").write_text(index)
    with pytest.raises(PipelineError, match=message):
        run(tmp_path, other, TEXTS)


def test_a_post_that_gives_nan_is_named_and_no_row_before_it_is_lost(
    tmp_path: Path, folder: Path
) -> None:
    other = broken(tmp_path, folder)
    state = load_file(other / "model.safetensors")
    piece = tiny.tokenizer_of("bert").encode("e", add_special_tokens=False).ids[0]
    state["embeddings.word_embeddings.weight"][piece] = np.nan
    save_file(state, other / "model.safetensors")
    sound = [[*words, str(at)] for at, words in enumerate(TEXTS * 3) if "evening" not in words]
    last = max(([f"evening{at}"] for at in range(50)), key=words_key)
    with pytest.raises(PipelineError, match=r"post train/\d+: transformers gave a number that is"):
        run(tmp_path, other, [last, *sound])
    kept = len(list((tmp_path / "store").glob("0*.h5")))
    assert kept > 0
    assert run(tmp_path, other, sound).computed < len(sound)
