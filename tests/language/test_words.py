"""Contextual words: equal to a plain forward pass, and to nothing but the post and the encoder."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.language.words import WordEncoder, find_words
from pipeline.params.context import Encode
from tests.language import tiny

CPU = torch.device("cpu")
pytestmark = pytest.mark.processor


def load(params: Encode, batch: int = 16) -> WordEncoder:
    return find_words(params, None).load(CPU, batch)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder") / "bert"
    tiny.save(folder)
    return folder


def plain(network: Any, folder: Path, words: list[str], layers: list[int]) -> np.ndarray:
    """The slow way: one post, the tokenizer's own alignment, the mean of each word's pieces."""
    name = str(folder / "tokenizer.json")
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=name)
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.encode_special_tokens = True
    read = tokenizer.backend_tokenizer.encode([f" {word}" for word in words], is_pretokenized=True)
    with torch.inference_mode():
        ids = torch.tensor([read.ids])
        made = network(input_ids=ids, output_hidden_states=True).hidden_states
    states = torch.stack([made[layer][0] for layer in layers], 1).numpy()  # (pieces, layers, width)
    rows = np.zeros((len(words), len(layers), states.shape[-1]), np.float32)
    for word in range(len(words)):
        places = [at for at, of in enumerate(read.word_ids) if of == word]
        if places:
            rows[word] = states[places].mean(0)
    return rows


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_a_plain_forward_pass_gives_the_same(tmp_path: Path, kind: str) -> None:
    network = tiny.save(tmp_path / kind, kind)
    encoder = load(tiny.params(tmp_path / kind, window=128))
    short = tiny.ODD[:7]
    for words in (tiny.PLAIN, short, ["The", *tiny.ODD[7:9], "end"], ["\ufe0f"]):
        (row,) = encoder.rows([words])
        expected = plain(network, tmp_path / kind, words, [0, 1, 2])
        assert row.dtype == np.float16
        np.testing.assert_allclose(row, expected, rtol=2e-3, atol=2e-3)


def test_bertweet_is_read_by_its_own_files(tmp_path: Path) -> None:
    folder = tmp_path / "bertweet"
    network = tiny.save_bertweet(folder)
    encoder = load(tiny.params(folder))
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    words = ["Kobe", "is", "here"]
    ids = [tokenizer.encode(word, add_special_tokens=False) for word in words]
    stream = [0, *(piece for one in ids for piece in one), 2]
    with torch.inference_mode():
        made = network(input_ids=torch.tensor([stream]), output_hidden_states=True).hidden_states
    first = made[2][0, 1 : 1 + len(ids[0])].mean(0).numpy()
    np.testing.assert_allclose(encoder.rows([words])[0][0, 2], first, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", tiny.KINDS)
def test_a_row_depends_neither_on_its_batch_nor_on_threads(
    tmp_path: Path, kind: str, precision: str
) -> None:
    tiny.save(tmp_path / kind, kind)
    params = tiny.params(tmp_path / kind, precision=precision)
    random = np.random.default_rng(1)
    posts = [list(random.choice(tiny.PLAIN + tiny.ODD, random.integers(1, 20))) for _ in range(40)]
    together = load(params, batch=32).rows(posts)
    few = load(params, batch=3)
    before = torch.get_num_threads()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        try:
            alone = [few.rows([post])[0] for post in posts[::5]]
            shuffled = few.rows(posts[::-1])[::-1]
        finally:
            torch.set_num_threads(before)
        assert all(map(np.array_equal, alone, together[::5]))
        assert all(map(np.array_equal, shuffled, together))


@given(
    posts=st.lists(st.lists(st.text(max_size=6), min_size=1, max_size=12), min_size=1, max_size=4)
)
@settings(deadline=None, max_examples=30)
def test_every_word_has_a_row_whatever_it_holds(bert: Path, posts: list[list[str]]) -> None:
    encoder = load(tiny.params(bert))
    rows = encoder.rows(posts)
    assert [len(row) for row in rows] == [len(words) for words in posts]
    assert all(np.isfinite(row).all() for row in rows)
    assert all(
        np.array_equal(encoder.rows([words])[0], row)
        for words, row in zip(posts, rows, strict=True)
    )


def test_first_takes_the_first_piece(tmp_path: Path, bert: Path) -> None:
    words = ["Kobe", "a"]
    (mean,) = load(tiny.params(bert)).rows([words])
    (first,) = load(tiny.params(bert, pieces="first")).rows([words])
    assert np.array_equal(mean[1], first[1])  # one piece
    assert not np.array_equal(mean[0], first[0])


def test_folded_urls_are_read_as_one_word(bert: Path) -> None:
    encoder = load(tiny.params(bert, fold_urls=True))
    first, second = encoder.rows([["see", "http://t.co/abc"], ["see", "https://t.co/xyz"]])
    assert np.array_equal(first, second)
    kept = load(tiny.params(bert)).rows([["see", "http://t.co/abc"]])[0]
    assert not np.array_equal(first, kept)


def test_a_part_of_a_long_post_is_what_its_window_alone_gives(bert: Path) -> None:
    encoder = load(tiny.params(bert, window=22, overlap=6))
    words = ["a", "b", "c", "d", "e"] * 10  # one piece each, 20 in a window
    (row,) = encoder.rows([words])
    (alone,) = encoder.rows([words[:20]])
    assert np.array_equal(row[:17], alone[:17])  # as far as the middle of what two windows share
    (last,) = encoder.rows([words[-20:]])
    assert np.array_equal(row[-10:], last[-10:])
