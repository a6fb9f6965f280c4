"""The memory of one training step of `attributes_knowledge` with the paper's sizes.

Its attention compares words, words, regions and features: written out, one such tensor of a batch
would be larger than all that a step may take. The step runs in a process of its own; its largest
resident memory is read, which includes the libraries, the word table and the optimizer's state.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import click
import torch

from benchmarks.corpus import system_params
from pipeline.errors import PipelineError
from pipeline.fit.optimization import build_optimizer
from pipeline.systems.attributes_knowledge import (
    ATTRIBUTES,
    KNOWLEDGE,
    REGIONS,
    AttributesKnowledge,
)
from pipeline.systems.system import Batch, Inputs, Phrase

PARAMS = Path("params.yaml")
WORDS, WIDTH, CHARACTERS = 25_000, 300, 100  # Twitter2015's words in fastText's vectors
REGION = (49, 512)  # VGG16's last pooling layer
NAMED = {ATTRIBUTES.cache: 8, KNOWLEDGE.cache: 6}  # words of a post's phrases
SPELLINGS, LETTERS = 500, 20
TAGS = ("O", *(f"{prefix}-{kind}" for kind in ("LOC", "ORG", "OTHER", "PER") for prefix in "BI"))


@click.command()
@click.option("--posts", default=20, show_default=True, help="of the batch")
@click.option("--tokens", default=35, show_default=True, help="of each post")
@click.option("--here", is_flag=True, hidden=True, help="within this process")
def main(posts: int, tokens: int, here: bool) -> dict[str, object]:
    """Measure one step's largest resident memory."""
    if here:
        return _step(posts, tokens)
    command = [sys.executable, "-m", "benchmarks", "step_memory", "--here"]
    command += ["--posts", str(posts), "--tokens", str(tokens)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PipelineError(f"the step failed: {done.stderr.strip()}")
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def _step(posts: int, tokens: int) -> dict[str, object]:
    torch.manual_seed(1)
    table = torch.randn(WORDS, WIDTH)
    found = torch.ones(WORDS, dtype=torch.bool)
    inputs = Inputs(table, found, CHARACTERS, TAGS, {REGIONS.cache: REGION})
    params = system_params(AttributesKnowledge, [], [], preset="published")
    assert isinstance(params, AttributesKnowledge.Params)
    network = AttributesKnowledge(params, inputs)
    del table
    optimizer = build_optimizer(list(network.parameters()), params.training)
    batch = _batch(posts, tokens)
    before, start = _resident(), time.perf_counter()
    network.loss(batch).backward()
    optimizer.step()
    seconds = time.perf_counter() - start
    words = tokens + NAMED[KNOWLEDGE.cache] + 1
    width = WIDTH + params.model.char_width
    return {
        "peak_mb": round(_resident()),
        "before_mb": round(before),
        "literal_tensor_mb": round(posts * tokens * words * REGION[0] * width * 4 / 2**20),
        "seconds": round(seconds, 1),
    }


def _batch(posts: int, tokens: int) -> Batch:
    def drawn(*shape: int, below: int) -> torch.Tensor:
        return torch.randint(1, below, shape)

    phrases = {
        cache: Phrase(
            drawn(posts, count, below=WORDS),
            torch.rand(posts, count),
            torch.ones(posts, count, dtype=torch.bool),
            drawn(posts, count, below=SPELLINGS),
        )
        for cache, count in NAMED.items()
    }
    return Batch(
        words=drawn(posts, tokens, below=WORDS),
        mask=torch.ones(posts, tokens, dtype=torch.bool),
        chars=drawn(SPELLINGS, LETTERS, below=CHARACTERS),
        spelling=drawn(posts, tokens, below=SPELLINGS),
        tags=torch.zeros(posts, tokens, dtype=torch.long),
        features={REGIONS.cache: torch.randn(posts, *REGION)},
        has_image=torch.ones(posts, dtype=torch.bool),
        phrases=phrases,
    )


def _resident() -> float:
    """The largest resident memory of this process so far, in MB (2**20 bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
