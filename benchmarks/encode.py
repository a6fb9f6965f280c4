"""Encoding posts as contextual words, against the network's own rate and against plain loops.

The posts are those of Twitter2015, else those of the sample corpus. In each round all loops run
over the same posts one after the other; a ratio is the median over rounds.

- `of_bound`: against the network alone, on ready-made padded batches of posts of like length.
- `vs_plain`: against one post at a time, without padding.
- `vs_padded`: against one post at a time, padded as the tokenizer comes.
- `batch_ms`: 16 posts out of a store to a padded batch.
- `bytes_a_token`: of the store's files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

import click
import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.blocks import quiet
from benchmarks.corpus import TYPES, encoder_params
from pipeline.corpus.bio import accepted_labels
from pipeline.corpus.conll import read_conll
from pipeline.corpus.posts import Post, words_key, write_posts
from pipeline.language.encode import encode
from pipeline.language.network import load_network
from pipeline.language.pieces import Pieces
from pipeline.language.words import find_words
from pipeline.store.reader import Reader
from pipeline.training.context import CachedWords, padded

BATCH = 16
PADDED = 128  # to which the tokenizer pads as it comes
SHARE = 8  # the slow loops read one post in so many


@click.command()
@click.option("--context", default="minilm", show_default=True, help="a file of conf/context")
@click.option("--data", type=click.Path(path_type=Path), default=Path("../shared/data/twitter2015"))
@click.option("--posts", "count", type=int, default=1024, show_default=True)
@click.option("--rounds", type=int, default=3, show_default=True)
@click.option("--set", "settings", multiple=True, help="of the encoder, e.g. fold_urls=true")
def main(
    context: str, data: Path, count: int, rounds: int, settings: tuple[str, ...]
) -> dict[str, object]:
    """Time the encoder CONTEXT on posts of DATA."""
    folder = data if data.is_dir() else Path("samples/posts")
    posts = _posts(folder)[:count]
    params = encoder_params(context, settings)
    found = find_words(params, None)
    encoder = found.load(torch.device("cpu"), BATCH)
    network = load_network(found.files, params.window)
    read = [_ids(post, found.pieces, params.window) for post in posts]
    loops: dict[str, tuple[Callable[[], object], int]] = {
        "ours": (lambda: encoder.rows([post.tokens for post in posts]), len(posts)),
        "bound": (_over(network, _of_like_length(read)), len(posts)),
        "plain": (_over(network, [_batch([ids]) for ids in read[::SHARE]]), len(read[::SHARE])),
        "padded": (
            _over(network, [_batch([ids], PADDED) for ids in read[::SHARE]]),
            len(read[::SHARE]),
        ),
    }
    rates: dict[str, list[float]] = {name: [] for name in loops}
    encoder.rows([post.tokens for post in posts[:BATCH]])
    for _ in range(rounds):
        for name, (loop, posts_read) in loops.items():
            start = perf_counter()
            loop()
            rates[name].append(posts_read / (perf_counter() - start))

    def against(other: str) -> float:
        return round(median(a / b for a, b in zip(rates["ours"], rates[other], strict=True)), 3)

    batch_ms, bytes_a_token = _read_back(posts, context, settings)
    return {
        "of_bound": against("bound"),
        "vs_plain": against("plain"),
        "vs_padded": against("padded"),
        "posts_s": round(median(rates["ours"]), 1),
        "pieces_a_post": round(float(np.mean([len(ids) for ids in read])), 1),
        "batch_ms": batch_ms,
        "bytes_a_token": bytes_a_token,
        "threads": torch.get_num_threads(),
    }


def _posts(folder: Path) -> list[Post]:
    train = read_conll(folder / "train.txt", "train", accepted_labels(TYPES, {}))
    by_key = {words_key(post.tokens): post for post in train if isinstance(post, Post)}
    return list(by_key.values())


def _ids(post: Post, pieces: Pieces, window: int) -> list[int]:
    inner = [piece for word in post.tokens for piece in pieces.of(word)]
    room = window - len(pieces.before) - len(pieces.after)
    return [*pieces.before, *inner[:room], *pieces.after]


def _batch(read: Sequence[Sequence[int]], length: int = 0) -> tuple[Tensor, Tensor]:
    """Pieces padded to the longest, or to `length`, and their mask."""
    length = max(length, *map(len, read))
    ids = torch.zeros(len(read), length, dtype=torch.long)
    mask = torch.zeros(len(read), length, dtype=torch.long)
    for at, one in enumerate(read):
        ids[at, : len(one)] = torch.tensor(one)
        mask[at, : len(one)] = 1
    return ids, mask


def _of_like_length(read: Sequence[Sequence[int]]) -> list[tuple[Tensor, Tensor]]:
    ordered = sorted(read, key=len)
    return [_batch(ordered[at : at + BATCH]) for at in range(0, len(ordered), BATCH)]


def _over(network: nn.Module, batches: Sequence[tuple[Tensor, Tensor]]) -> Callable[[], None]:
    """A loop that sends batches through the network, by all threads of torch."""

    @torch.inference_mode()
    def loop() -> None:
        for ids, mask in batches:
            network(input_ids=ids, attention_mask=mask, output_hidden_states=True)

    return loop


def _read_back(posts: Sequence[Post], context: str, settings: Sequence[str]) -> tuple[float, float]:
    """How long a batch takes, in ms, once its shards are mapped; and the store's bytes a token."""
    with tempfile.TemporaryDirectory() as temporary:
        table, store = Path(temporary) / "posts.parquet", Path(temporary) / "store"
        write_posts(posts, table)
        encode(table, store, encoder_params(context, settings), quiet())
        size = sum(path.stat().st_size for path in store.iterdir())
        words, keys = CachedWords(store), Reader(store).keys
        parts = [keys[at : at + BATCH] for at in range(0, len(keys) - BATCH + 1, BATCH)]
        spent = []
        for _ in range(3):
            for part in parts:
                start = perf_counter()
                padded(words.rows(part))
                spent.append(perf_counter() - start)
    tokens = sum(len(post.tokens) for post in posts)
    return round(1000 * median(spent[len(parts) :]), 3), round(size / tokens, 1)
