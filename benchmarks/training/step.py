"""One step of training of each system, against its literal form at the same sizes, in turns.

The networks are those of the published presets (tuned, where none is published), and both forms are
trained by Adam: the literal one by torch's as it comes, over the whole table of words, ours with
`table: touched`. Its rate is small for all: by the 0.19 that co-attention publishes for RMSprop the
gates close for good, and their gradients are numbers so small that a CPU is slow with them.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam

from benchmarks.corpus import system_params
from benchmarks.training.chance import CLASSES, PHRASES, SHAPES
from benchmarks.training.literal import LITERAL
from pipeline.fit.optimization import Optimizers
from pipeline.layers.embedding import WordEmbedding
from pipeline.params.optimization import Optimization
from pipeline.systems.system import Batch, Inputs, Phrase, PhraseWords, System, find_system

TAGS = ("O", *(f"{prefix}-{kind}" for kind in ("LOC", "ORG", "OTHER", "PER") for prefix in "BI"))
CHARACTERS = 100
RATE = 0.001
RUN = 4  # steps of one form; the first finds the caches filled by the other, and does not count
WIDTHS = {"cwi": 500, "cwi_attention": 500, "attributes_knowledge": 300}  # of words; others: 200
PADDED = ("cnn_bilstm_crf", "adaptive_coattention")  # whose words have 30 characters


@dataclass(frozen=True)
class Sizes:
    """Of a batch: the published posts of 35 words of 30 characters."""

    posts: int = 16
    tokens: int = 35
    letters: int = 30
    spellings: int = 300
    words: int = 23_000  # of the table


# Two posts: the tensors of words x words x regions of one take half a gigabyte, written out.
OF = {"attributes_knowledge": Sizes(posts=2)}


def speedup(name: str, seconds: float) -> dict[str, float]:
    """The processor time of a step of both forms, medians over some `seconds` of steps in turns."""
    torch.manual_seed(1)
    sizes = OF.get(name, Sizes())
    ours, training = network(name, sizes)
    literal, batch = LITERAL[name](copy.deepcopy(ours)), make_batch(ours, sizes)
    tables = [part.lookup for part in ours.modules() if isinstance(part, WordEmbedding)]
    touched = training.model_copy(
        update={"optimizer": "adam", "table": "touched", "learning_rate": RATE}
    )
    forms: dict[str, tuple[nn.Module, Callable[[], None], Callable[[Batch], Tensor]]] = {
        "literal": (literal, _plain(literal, RATE), literal.loss),
        "ours": (ours, Optimizers(ours, tables, touched).step, ours.loss),
    }
    spent: dict[str, list[float]] = {form: [] for form in forms}
    end = time.monotonic() + seconds
    while time.monotonic() < end or not spent["ours"]:
        for form, (trained, move, loss) in forms.items():
            ends = [time.process_time()]
            for _ in range(RUN):
                torch.autograd.backward(loss(batch))
                move()
                trained.zero_grad()
                ends.append(time.process_time())
            spent[form] += np.diff(ends)[1:].tolist()
    medians = {form: float(np.median(times)) for form, times in spent.items()}
    return {
        "literal_s": round(medians["literal"], 4),
        "step_s": round(medians["ours"], 4),
        "speedup": round(medians["literal"] / medians["ours"], 1),
    }


def network(name: str, sizes: Sizes) -> tuple[System, Optimization]:
    """A system with first weights and its block `training`, as published where it is."""
    system = find_system(name)
    preset = None if name in ("bilstm_crf", "cnn_bilstm_crf") else "published"
    settings = ["model.unknown_rate=0.0"]
    if name in PADDED:
        settings += ["model.char_padding=right", f"model.char_length={sizes.letters}"]
    params = system_params(system, [], settings, preset, context="none")
    inputs = Inputs(
        torch.randn(sizes.words, WIDTHS.get(name, 200)),
        torch.ones(sizes.words, WIDTHS.get(name, 200), dtype=torch.bool),
        CHARACTERS,
        TAGS,
        SHAPES,
        CLASSES,
    )
    return system(params, inputs), params.training


def make_batch(system: System, sizes: Sizes) -> Batch:
    """A batch by chance of what a system reads: posts of one length, which lack nothing."""
    chars = torch.randint(1, CHARACTERS, (sizes.spellings, sizes.letters))
    lengths = torch.randint(1, 12, (sizes.spellings, 1))
    text = _phrase(sizes, sizes.tokens)
    features, phrases = {}, {}
    for read in system.reads:
        if isinstance(read, PhraseWords):
            phrases[read.cache] = _phrase(sizes, PHRASES[read.cache])
        elif read.cache == "image_words":
            features[read.cache] = torch.randint(CLASSES, (sizes.posts, *SHAPES[read.cache]))
        else:
            features[read.cache] = torch.randn(sizes.posts, *SHAPES[read.cache])
    return Batch(
        words=text.words,
        mask=text.mask,
        chars=chars * (torch.arange(sizes.letters) < lengths),
        spelling=text.spelling,
        tags=torch.randint(len(TAGS), text.words.shape),
        features=features,
        has_image=torch.ones(sizes.posts, dtype=torch.bool),
        phrases=phrases,
    )


def _phrase(sizes: Sizes, length: int) -> Phrase:
    shape = (sizes.posts, length)
    return Phrase(
        words=torch.randint(2, sizes.words, shape),
        weights=torch.rand(shape),
        mask=torch.ones(shape, dtype=torch.bool),
        spelling=torch.randint(sizes.spellings, shape),
    )


def _plain(network: nn.Module, rate: float) -> Callable[[], None]:
    """A step of torch's Adam as it comes."""
    optimizer = Adam(network.parameters(), rate)

    def move() -> None:
        optimizer.step()

    return move
