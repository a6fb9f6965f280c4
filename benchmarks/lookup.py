"""The knowledge graph at size: fuzzy candidates of a million labels, lookup by hops, import.

Labels: the names of FB15k-237 and realistic variants of them; queries: names out of Twitter2015.
Agreement is the share of queries for which the ten best (label and score, ties by degree and
then by number) are those of scoring every label: with fuzzywuzzy for 20,000 labels, and with
rapidfuzz, fuzzywuzzy deciding, for all of them.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from rapidfuzz import fuzz as fast
from rapidfuzz import process as fast_process

from benchmarks.graph.imports import measure, write_triples
from benchmarks.graph.names import million_names
from benchmarks.graph.scans import Labels, Ten, scan_all
from benchmarks.graph.walks import (
    by_definition,
    dense_seconds,
    look_up_all,
    loop_seconds,
    make_world,
)
from pipeline.corpus.bio import accepted_labels
from pipeline.corpus.conll import read_conll
from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.files import sha256_of
from pipeline.knowledge.graph.graph import rank_entities
from pipeline.knowledge.labels.candidates import find_candidates
from pipeline.knowledge.labels.index import LabelIndex, build_index
from pipeline.knowledge.labels.scorers import find_scorer
from pipeline.metrics.spans import strict_spans
from pipeline.vision.backbone import load_backbone
from pipeline.vision.decode import File, batches
from pipeline.vision.forward import Forward
from pipeline.vision.weights import find_weights

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fuzzywuzzy import process as slow_process

DATA = Path("../shared/data")
SCORER, CUTOFF, BEST = "WRatio", 90, 10
FEW, TYPES = 20_000, ["PER", "LOC", "ORG", "OTHER"]
CHECKED = 60  # posts whose lookup is held to the published search
MEGABYTE = 1e6


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=DATA, show_default=True)
@click.option("--labels", default=1_000_000, show_default=True)
@click.option("--queries", default=1000, show_default=True, help="against a full, fast scan")
@click.option("--slow-queries", default=100, show_default=True, help="against fuzzywuzzy's scan")
@click.option("--triples", default="1000000,10000000", show_default=True, help="of the imports")
@click.option("--seed", default=1, show_default=True)
def main(
    data: Path, labels: int, queries: int, slow_queries: int, triples: str, seed: int
) -> dict[str, Any]:
    """Measure candidates, lookup and import."""
    for path in (data / "fb15k237", data / "twitter2015", data / "imagenet-sample"):
        if not path.is_dir():
            raise PipelineError(
                f"{path}: needs FB15k-237, Twitter2015 and the ImageNet sample there"
            )
    names = _freebase(data)
    asked = _queries(data, queries, seed)
    with tempfile.TemporaryDirectory() as folder:
        imports = []
        for count in (int(count) for count in triples.split(",")):
            path = Path(folder) / "triples.nt"
            write_triples(path, count, names, seed)
            imports.append(measure(path, Path(folder)))
            click.echo(f"import: {imports[-1]}")
            path.unlink()
    results = _candidates(million_names(names, labels, seed), asked, slow_queries, seed)
    results |= _lookup(data, seed)
    rates = [run["triples_s"] for run in imports]
    return {**results, "import_triples_s": min(rates, default=0), "imports": imports}


def _candidates(
    names: list[str], asked: Sequence[str], slow_queries: int, seed: int
) -> dict[str, float]:
    scorer = find_scorer(SCORER)
    degrees = (3 * np.random.default_rng(seed).pareto(1.2, len(names))).astype(np.int64)
    forms = [scorer.form(name) for name in names]
    ranks = rank_entities(degrees)

    few, _ = _build(names[:FEW], degrees[:FEW])
    slow = Labels(scorer, forms[:FEW], rank_entities(degrees[:FEW]))
    some = asked[:slow_queries]
    wanted = scan_all(slow, "by_fuzzywuzzy", [scorer.form(query) for query in some], CUTOFF)
    agreed_few = _agreement([_ten(few, query) for query in some], wanted)
    click.echo(f"{len(some)} queries, {FEW} labels, fuzzywuzzy: {agreed_few:.2%} agree")
    slow_ms = _milliseconds(lambda q: slow_process.extract(q, names[:FEW], limit=BEST), some[:2])
    slow_ms *= len(names) / FEW
    del few, slow

    before = _resident()
    index, build_s = _build(names, degrees)
    index_mb = _resident() - before
    _ten(index, asked[0])
    times = np.array([_milliseconds(lambda q: _ten(index, q), [query]) for query in asked])
    fast_ms = _milliseconds(
        lambda q: fast_process.extract(
            scorer.form(q), forms, scorer=fast.WRatio, limit=BEST, score_cutoff=CUTOFF
        ),
        asked[:5],
    )
    every = Labels(scorer, forms, ranks)
    wanted = scan_all(every, "by_rapidfuzz", [scorer.form(query) for query in asked], CUTOFF)
    agreed = _agreement([_ten(index, query) for query in asked], wanted)
    click.echo(f"{len(asked)} queries, {len(names)} labels, rapidfuzz: {agreed:.2%} agree")
    median = float(np.median(times))
    return {
        "agreement": round(100 * min(agreed, agreed_few), 2),
        "median_ms": round(median, 2),
        "p99_ms": round(float(np.percentile(times, 99)), 2),
        "build_s": round(build_s, 1),
        "index_mb": round(index_mb),
        "vs_fuzzywuzzy": round(slow_ms / median),
        "vs_rapidfuzz": round(fast_ms / median),
    }


def _lookup(data: Path, seed: int) -> dict[str, float]:
    world = make_world(_features(data), seed)
    found, seconds = look_up_all(world)
    wrong = [at for at in range(CHECKED) if found[at] != by_definition(world, at)]
    if wrong:
        raise PipelineError(f"{len(wrong)} of {CHECKED} posts are not as published: {wrong}")
    hops = [hit[1] for hit in found if hit is not None]
    click.echo(
        f"lookup: {len(found)} posts in {seconds:.1f} s, of these at 0, 1, 2 hops"
        f" {[hops.count(hop) for hop in range(3)]}; {CHECKED} as by the published search"
    )
    return {
        "nhop_s": round(seconds, 1),
        "nhop_vs_loop": round(loop_seconds(world, 2) / seconds),
        "nhop_vs_dense": round(dense_seconds(world, 512) / seconds, 1),
    }


def _build(names: Sequence[str], degrees: np.ndarray) -> tuple[LabelIndex, float]:
    start = time.perf_counter()
    index = build_index(names, np.arange(len(names)), degrees, find_scorer(SCORER))
    return index, time.perf_counter() - start


def _ten(index: LabelIndex, query: str) -> Ten:
    found = find_candidates(index, find_scorer(SCORER), query, CUTOFF, BEST)
    return [(candidate.entity, candidate.score) for candidate in found]


def _agreement(found: Sequence[Ten], wanted: Sequence[Ten]) -> float:
    return sum(one == other for one, other in zip(found, wanted, strict=True)) / len(wanted)


def _milliseconds(work: Any, queries: Sequence[str]) -> float:
    start = time.perf_counter()
    for query in queries:
        work(query)
    return 1000 * (time.perf_counter() - start) / len(queries)


def _resident() -> float:
    """Megabytes that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / MEGABYTE


def _freebase(data: Path) -> list[str]:
    lines = (data / "fb15k237" / "entity2text.txt").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[1] for line in lines]


def _queries(data: Path, count: int, seed: int) -> list[str]:
    """Different gold names of Twitter2015, drawn at random."""
    accepted = accepted_labels(TYPES, {})
    found: set[str] = set()
    for split in ("train", "dev", "test"):
        for post in read_conll(data / "twitter2015" / f"{split}.txt", split, accepted):
            if isinstance(post, Post):
                spans = strict_spans(post.labels)
                found |= {" ".join(post.tokens[span.start : span.end]) for span in spans}
    names = sorted(found)
    return [names[at] for at in np.random.default_rng(seed).permutation(len(names))[:count]]


def _features(data: Path) -> np.ndarray:
    """(n, 1280) pooled features of the ImageNet sample."""
    network = load_backbone("efficientnet_lite0")
    kept = network.select(["pooled"])
    found = find_weights(
        "imagenet", network.weights, network.network, sha256=None, weights_dir=None
    )
    features = network.build(found.load(), kept, "float32")
    files = [
        File(path, sha256_of(path)) for path in sorted((data / "imagenet-sample").glob("*.JPEG"))
    ]
    forward = Forward(network, features, torch.device("cpu"), 16, click.echo)
    with closing(batches(files, forward.preprocessing, batch=16, workers=2)) as reader:
        rows = [
            forward.rows([str(file.path) for file in part], pixels)["pooled"]
            for part, pixels in reader
        ]
    return np.concatenate(rows)
