"""New posts to entities, by a trained model and the chain behind it.

from pipeline.predict import Tagger

tagger = Tagger.load("models/cnn_bilstm_crf")
found = tagger.predict(["Kobe Bryant in Los Angeles"])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pipeline.device import steady_device
from pipeline.errors import PipelineError
from pipeline.layers.lattice import Lattice
from pipeline.metrics.spans import strict_spans
from pipeline.parallel import map_in_order
from pipeline.params.index_images import IndexImages
from pipeline.params.runtime import Runtime
from pipeline.params.vectors import Vectors
from pipeline.predict.batches import parts
from pipeline.predict.chain import Chain, find_chain
from pipeline.predict.explain import explain
from pipeline.predict.links import Links
from pipeline.predict.pictures import Folder
from pipeline.predict.posts import Images, Ready, ready
from pipeline.predict.records import Fault, Row, from_tree, unique
from pipeline.predict.results import Entity, Result
from pipeline.predict.voting import vote
from pipeline.predict.words import NewWords
from pipeline.progress import say as say_aloud
from pipeline.training.model import TrainedModel
from pipeline.training.tagger import Tagger as Reader

BLOCK = 1024  # posts at a time; fewer with pictures, whose features are held meanwhile
SEEN_BLOCK = 128
THREADS = 2  # batches tagged side by side, each by one thread of torch

Seed: TypeAlias = int | Literal["all"] | None  # None: the first; all: they vote


class Tagger:
    """Predicts the entities of new posts.

    Args:
        model: the trained model.
        chain: what lies behind it.
        seed: which networks tag.
        say: is told what a person should read.

    Raises:
        PipelineError: in one sentence, for a chain that is not whole or not the model's.
    """

    def __init__(
        self, model: TrainedModel, chain: Chain, seed: Seed, say: Callable[[str], None]
    ) -> None:
        runtime = chain.block("runtime", Runtime)
        seeds = _seeds(model, seed)
        self._links = Links(model, chain, runtime, say)
        self._device = steady_device(runtime.device, runtime.deterministic)
        self._tags = model.lexicon.tags
        self._networks = [model.network(one).to(self._device) for one in seeds]
        self._words = NewWords(
            model.lexicon,
            chain.block("vectors", Vectors),
            chain.sources(list(dict.fromkeys(model.params.vectors))),
            model.params.removed_vectors,
            self._networks,
        )
        self._max_pixels = chain.block("index_images", IndexImages).max_pixels

    @classmethod
    def load(
        cls, folder: str | Path, seed: Seed = None, say: Callable[[str], None] = say_aloud
    ) -> Tagger:
        """The tagger of `models/SYSTEM` in a project, or of a folder that `mner export` wrote."""
        chain = find_chain(Path(folder))
        if chain.exported is not None and not chain.exported.full_vectors:
            say(f"{folder}: holds the vectors of its own words alone: new words are unknown words")
        return cls(TrainedModel.read(chain.model), chain, seed, say)

    def predict(
        self, posts: Iterable[str | Mapping[str, Any]], *, explained: bool = False
    ) -> list[dict[str, Any]]:
        """The entities of posts, as the lines of `mner predict` are; a bad post gives its error.

        Args:
            posts: texts, or mappings with `text` or `tokens`, and maybe `id` and `image` (a path).
            explained: whether to tell what the system looked at.
        """
        rows = (
            from_tree({"text": post} if isinstance(post, str) else post, f"post/{at}", at + 1)
            for at, post in enumerate(posts)
        )
        found = self.stream(unique(rows), Images(), explained=explained)
        return [row.to_dict() for row in found]

    def stream(
        self, rows: Iterable[Row], images: Images, *, explained: bool = False
    ) -> Iterator[Result | Fault]:
        """The result of each row, in their order; only a block of rows is held at a time."""
        sees = self._links.sees
        folder = Folder(images.folder, images.base, self._max_pixels) if sees else None
        left = iter(rows)
        while block := list(islice(left, SEEN_BLOCK if sees else BLOCK)):
            made_ready = [ready(row, folder, images.on_bad) for row in block]
            taggable = [row for row in made_ready if isinstance(row, Ready)]
            found = iter(self._tag(taggable, explained) if taggable else ())
            for row in made_ready:
                yield row if isinstance(row, Fault) else next(found)

    def _tag(self, block: Sequence[Ready], explained: bool) -> list[Result]:
        posts = [row.post for row in block]
        files = {row.post.image: row.file for row in block if row.post.image and row.file}
        made = self._links.make(posts, files)
        spelled = {token for post in posts for token in post.tokens}
        for phrases in made.phrases.of(posts):
            spelled.update(*(phrase.words for phrase in phrases.values()))
        lexicon = self._words.meet(spelled)
        readers = [Reader(net, lexicon, made, self._device) for net in self._networks]
        encoded = readers[0].encode(posts)
        ids = [post.post for post in posts]

        def tag(places: Sequence[int]) -> list[Result]:
            answers = [reader.read(encoded, places) for reader in readers]
            lattices = [lattice for _, lattice in answers]
            found = answers[0][0]
            if len(answers) > 1:
                found = vote(lattices, [len(posts[place].tokens) for place in places])
            told = explain(readers[0], encoded, places, made, ids) if explained else None
            return [
                Result(
                    id=ids[place],
                    text=block[place].text,
                    tokens=block[place].tokens,
                    labels=[self._tags[tag] for tag in found[at]],
                    entities=self._entities(block[place], found[at], lattices, at),
                    image=block[place].named,
                    note=block[place].note,
                    explained=told[at] if told else None,
                )
                for at, place in enumerate(places)
            ]

        results: dict[int, Result] = {}
        batches = list(parts([post.tokens for post in posts]))
        with closing(map_in_order(tag, batches, workers=THREADS, ahead=THREADS)) as tagged:
            for places, found in zip(batches, tagged, strict=True):
                results |= zip(places, found, strict=True)
        return [results[place] for place in range(len(block))]

    def _entities(
        self, row: Ready, ids: Sequence[int], lattices: Sequence[Lattice], at: int
    ) -> list[Entity]:
        """The names among the tags of the post at place `at` of a batch."""
        entities = []
        for first, last, kind in strict_spans([self._tags[tag] for tag in ids]):
            shares = [lattice.span(at, first, ids[first:last]) for lattice in lattices]
            start, end = row.tokens[first].start, row.tokens[last - 1].end
            text, share = row.text[start:end], sum(shares) / len(shares)
            entities.append(Entity(start, end, first, last, kind, text, round(share, 6)))
        return entities


def _seeds(model: TrainedModel, seed: Seed) -> Sequence[int]:
    if seed == "all":
        return model.seeds
    if seed is not None and seed not in model.seeds:
        known = ", ".join(map(str, model.seeds))
        raise PipelineError(f"{model.directory}: has no seed {seed}, only {known} (or all)")
    return model.seeds[:1] if seed is None else [seed]
