"""Where an epoch's time goes, by part of the network and of the loop, forward and backward.

Hooks tell a clock of processor time which part computes. A node of the graph belongs to the part
whose forward pass made it, and when autograd comes to the node, the clock goes on to that part.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import Variable
from torch.autograd.graph import Node

from benchmarks.corpus import system_params
from benchmarks.training.chance import VECTORS, draw
from pipeline.fit.batching import shuffled
from pipeline.fit.loop import Trainer
from pipeline.layers import attention, attributes, fusion, guided_attention
from pipeline.layers.characters import CharacterCNN, CharacterCNN2D, CharacterEnds
from pipeline.layers.cwi_characters import CWICharacters
from pipeline.layers.embedding import WordEmbedding
from pipeline.layers.image_words import ImageWordLSTM
from pipeline.layers.recurrent import Bidirectional
from pipeline.systems.adaptive_coattention import CoAttention
from pipeline.systems.system import Batch, System, find_system
from pipeline.training.tagger import Tagger

# The outermost of these parts counts: a character encoder's LSTM is part of the characters.
PARTS: dict[str, tuple[type[nn.Module], ...]] = {
    "words": (WordEmbedding,),
    "characters": (CharacterCNN, CharacterCNN2D, CharacterEnds, CWICharacters),
    "recurrent": (Bidirectional, ImageWordLSTM),
    "attention": (
        CoAttention,
        guided_attention.GuidedAttention,
        attributes.AttributeAverage,
        attributes.AttributeAttention,
        attention.TokenAttention,
        attention.TripletAttention,
        attention.ModalityAttention,
        fusion.AdditiveFusion,
        fusion.ScaledDotFusion,
    ),
}
OTHER, CRF, OPTIMIZER, BATCHES, DEV = "other layers", "crf", "optimizer", "batches", "dev scores"


class Clock:
    """Adds up a thread's processor time by the part that has it."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.part = OTHER
        self._since = time.thread_time()

    def turn(self, part: str) -> str:
        """Give the time from here on to a part; return the one that had it."""
        now, before = time.thread_time(), self.part
        self.seconds[before] += now - self._since
        self.part, self._since = part, now
        return before


class Watched:
    """A network whose loss tells a clock where it is computed, and its gradients."""

    def __init__(self, network: System, clock: Clock) -> None:
        self._network, self._clock = network, clock
        self._known: set[Node] = set()  # nodes of this batch's graph that have a part
        self._backward = False
        for module in network.modules():
            part = next((name for name, kinds in PARTS.items() if isinstance(module, kinds)), None)
            if part is not None:
                self._watch(module, part)
            if isinstance(module, Bidirectional):  # of phrases the last states alone are read
                module.ends = self._timed(module.ends, "recurrent")  # type: ignore[method-assign]
        decoder = network.decoder
        decoder.loss = self._timed(decoder.loss, CRF)  # type: ignore[method-assign]

    def loss(self, batch: Batch) -> Tensor:
        """The network's loss; the clock stands at the optimizer once its gradients are there."""
        self._known, self._backward = set(), False
        self._clock.turn(OTHER)
        loss = self._network.loss(batch)
        self._claim(loss, OTHER)
        self._backward = True
        assert loss.grad_fn is not None

        def ended() -> None:
            self._clock.turn(OPTIMIZER)

        # The callback is the one that autograd runs at the end of this pass.
        loss.grad_fn.register_prehook(lambda _: Variable._execution_engine.queue_callback(ended))
        return loss

    def _watch(self, module: nn.Module, part: str) -> None:
        entered: list[str] = []

        def enter(_: nn.Module, given: tuple[Any, ...]) -> None:
            if self._backward or self._clock.part != OTHER:
                return
            self._claim(given, OTHER)
            entered.append(self._clock.turn(part))

        def leave(_: nn.Module, __: tuple[Any, ...], result: Any) -> None:
            if entered and not self._backward:
                self._claim(result, part)
                self._clock.turn(entered.pop())

        module.register_forward_pre_hook(enter)
        module.register_forward_hook(leave)

    def _timed(self, inner: Callable[..., Tensor], part: str) -> Callable[..., Tensor]:
        """A method that no hook sees, whose time and gradients are a part's."""

        def timed(*given: Tensor) -> Tensor:
            if self._backward or self._clock.part != OTHER:
                return inner(*given)
            self._claim(given, OTHER)
            self._clock.turn(part)
            found = inner(*given)
            self._claim(found, part)
            self._clock.turn(OTHER)
            return found

        return timed

    def _claim(self, held: Any, part: str) -> None:
        """Give a part those nodes behind tensors that no part has yet."""
        waiting = [tensor.grad_fn for tensor in _tensors(held)]
        while waiting:
            node = waiting.pop()
            if node is None or node in self._known:
                continue
            self._known.add(node)
            node.register_prehook(self._turns(part))
            waiting += [before for before, _ in node.next_functions]

    def _turns(self, part: str) -> Callable[[Any], None]:
        def turn(_: Any) -> None:
            self._clock.turn(part)

        return turn


def _tensors(held: Any) -> Iterator[Tensor]:
    if isinstance(held, Tensor):
        yield held
    elif isinstance(held, Sequence):
        for part in held:
            yield from _tensors(part)


def profile(name: str, folder: Path, batches: int) -> dict[str, float]:
    """The seconds that an epoch of a system has for each part, from its first `batches` batches.

    Batches are put together between the steps here, and the hooks take some of the time themselves.
    """
    system = find_system(name)
    corpus = draw(system, folder).corpus
    params = system_params(system, [VECTORS], [], context="none")
    options = params.training
    torch.manual_seed(1)
    network, clock = system(params, corpus.inputs), Clock()
    places = list(shuffled(corpus.train.lengths(), options.batch_posts, np.random.default_rng(1)))
    read = places[:batches]

    def put_together(_: int) -> Iterator[Batch]:
        for part in read:
            clock.turn(BATCHES)
            batch = corpus.train.batch(part)
            clock.turn(OTHER)
            yield batch

    tables = [part.lookup for part in network.modules() if isinstance(part, WordEmbedding)]
    watched = Watched(network, clock)
    trainer = Trainer(network, put_together, watched.loss, float, options, lambda _: None, tables)
    clock.turn(OTHER)
    clock.seconds.clear()
    for batch in trainer.rest():
        trainer.step(batch)
    clock.turn(OTHER)
    spent = {part: seconds * len(places) / len(read) for part, seconds in clock.seconds.items()}
    tagger = Tagger(network, corpus.lexicon, corpus.caches, torch.device("cpu"))
    begun = time.process_time()
    tagger.tag(corpus.dev)
    spent[DEV] = time.process_time() - begun
    parts = (*PARTS, OTHER, CRF, OPTIMIZER, BATCHES, DEV)
    return {part: round(spent.get(part, 0.0), 2) for part in parts}
