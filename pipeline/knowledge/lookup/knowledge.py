"""The stage `knowledge`: the graph's triples about the entity that each post's picture shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pipeline.corpus.images import read_images, usable
from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.files import sha256_of, write_json
from pipeline.fingerprint import Fingerprint, digest
from pipeline.knowledge.graph.graph import TRIPLES, Graph, read_graph
from pipeline.knowledge.labels.candidates import find_candidates
from pipeline.knowledge.labels.index import LabelIndex
from pipeline.knowledge.labels.index_tables import read_index
from pipeline.knowledge.labels.scorers import find_scorer, matcher
from pipeline.knowledge.lookup.concepts import Concepts
from pipeline.knowledge.lookup.depictions import read_depictions
from pipeline.knowledge.lookup.knowledge_table import Row, write_knowledge
from pipeline.knowledge.lookup.lookup import Lookup, Pictures
from pipeline.knowledge.lookup.mentions import Mention, Mentions, read_mentions
from pipeline.params.knowledge import Knowledge
from pipeline.params.mentions import GOLD
from pipeline.store.reader import Reader

VECTORS = "pooled"  # the lookup compares this output of the two stores


@dataclass(frozen=True)
class Files:
    """The files that the stage reads and writes."""

    posts: Path
    mentions: Path
    images: Path
    store: Path  # the feature store of the posts' pictures
    graph: Path
    label_index: Path
    depictions: Path
    entity_images: Path
    entity_store: Path
    knowledge: Path  # written: a phrase for each post
    metrics: Path  # written: counts, as JSON


class Rows(Protocol):
    """Rows of pictures by the sha256 of an image, such as a feature store has."""

    @property
    def fingerprint(self) -> Fingerprint:
        """What the rows were computed by."""

    def rows(self, output: str, keys: Sequence[str]) -> np.ndarray:
        """The rows (len(keys), width) of images."""


@dataclass(frozen=True)
class GraphFiles:
    """What is known of a graph beside the rows of its pictures."""

    graph: Path
    label_index: Path
    depictions: Path
    entity_images: Path


class Finder:
    """Looks posts up in one graph.

    Args:
        params: the block.
        files: what is known of the graph.
        pictures: the rows of the entities' pictures.
        name: the graph's.

    Raises:
        PipelineError: for tables that are not of one graph, a graph without a conceptual relation,
            or a label index of another scorer.
    """

    def __init__(self, params: Knowledge, files: GraphFiles, pictures: Rows, name: str) -> None:
        self.graph = read_graph(files.graph)
        self.concepts = Concepts(self.graph, params.conceptual, f"{files.graph} ({name})")
        self.lookup = Lookup(self.graph.adjacency, params.hops, params.fan_out)
        self._params = params
        self._index = read_index(files.label_index)
        if self._index.scorer != params.scorer or len(self._index.ranks) != len(
            self.graph.entities
        ):
            raise PipelineError(
                f"{files.label_index}: is of another graph, or for {self._index.scorer} and not"
                f" {params.scorer}; run `dvc repro label_index`"
            )
        keys, owners = depicted(files, self.graph)
        self._pictures = Pictures(pictures.rows(VECTORS, keys), owners, params.theta)

    def find(
        self,
        posts: Sequence[Post],
        mentions: Mapping[str, Sequence[Mention]],
        shas: Mapping[str, str],
        pictures: Rows,
    ) -> list[Row]:
        """The outcome for each post.

        Args:
            posts: the posts.
            mentions: those of each post that has any.
            shas: image id -> sha256 of each image that can be used.
            pictures: the rows of these images.
        """
        images = {post.image for post in posts if post.image is not None}
        seen = sorted({shas[image] for image in images if image in shas})
        vectors = pictures.rows(VECTORS, seen)
        alike = dict(zip(seen, self._pictures.alike(vectors), strict=True))
        pictured = [post for post in posts if post.image in shas]  # no other is looked up
        candidates = _candidates(pictured, mentions, self._index, self._params)
        return [_look_up(post, shas, mentions, candidates, alike, self.lookup) for post in posts]


def find_knowledge(params: Knowledge, files: Files, name: str) -> str:
    """Write a phrase for each post: the words of its picture's knowledge. Returns the findings.

    Args:
        params: the block.
        files: read and written.
        name: the graph's, which every output tells.

    Raises:
        PipelineError: as `Finder`; for tables that are not of one corpus, or pictures of posts and
            entities that went through different networks.
    """
    graph = GraphFiles(files.graph, files.label_index, files.depictions, files.entity_images)
    store, entities = Reader(files.store), Reader(files.entity_store)
    finder = Finder(params, graph, entities, name)
    posts, mentions = read_posts(files.posts), read_mentions(files.mentions)
    networks = store.fingerprint, entities.fingerprint
    check_networks(*networks, str(files.store), str(files.entity_store))
    rows = finder.find(posts, mentions.by_post, usable(read_images(files.images)), store)
    written = write_knowledge(
        params,
        files.knowledge,
        rows,
        finder.graph,
        finder.concepts,
        fingerprint=fingerprint_of(params, sha256_of(files.mentions), graph, networks),
        facts={
            "graph": name,
            "mentions": mentions.source,
            "backbone": store.fingerprint.backbone,
        },
    )
    counts = {"graph": name, **_counts(written, mentions, finder.lookup.cuts)}
    write_json(files.metrics, counts)
    return _told(counts, params)


def check_networks(posts: Fingerprint, entities: Fingerprint, where: str, others: str) -> None:
    """Refuse pictures of posts and of entities that went through different networks."""
    one, other = posts.to_json(), entities.to_json()
    differ = sorted(name for name in one if name != "outputs" and one[name] != other.get(name))
    if differ:
        raise PipelineError(
            f"{where} and {others} cannot be compared: they differ in {', '.join(differ)};"
            " extract both with the same network"
        )


def depicted(files: GraphFiles, graph: Graph) -> tuple[list[str], list[list[int]]]:
    """The sha256 of each usable picture of an entity, and the entities that it shows.

    Raises:
        PipelineError: for a picture of an entity that the graph does not have.
    """
    numbers = {entity.name: number for number, entity in enumerate(graph.entities)}
    shas = usable(read_images(files.entity_images))
    owners: dict[str, list[int]] = {}
    for entity, image in read_depictions(files.depictions):
        if entity not in numbers:
            raise PipelineError(
                f"{files.depictions}: {entity} is no entity of {files.graph};"
                " run `dvc repro index_entity_images`"
            )
        if image in shas:
            owners.setdefault(shas[image], []).append(numbers[entity])
    keys = sorted(owners)
    return keys, [owners[key] for key in keys]


def _candidates(
    posts: Sequence[Post],
    mentions: Mapping[str, Sequence[Mention]],
    index: LabelIndex,
    params: Knowledge,
) -> dict[str, list[int]]:
    """The candidate entities of every different mention, the best first."""
    scorer = find_scorer(params.scorer)
    texts = {m.text for post in posts for m in mentions.get(post.post, ())}
    return {
        text: [
            candidate.entity
            for candidate in find_candidates(index, scorer, text, params.cutoff, params.best)
        ]
        for text in sorted(texts)
    }


def _look_up(
    post: Post,
    shas: Mapping[str, str],
    mentions: Mapping[str, Sequence[Mention]],
    candidates: Mapping[str, Sequence[int]],
    alike: Mapping[str, Mapping[int, float]],
    lookup: Lookup,
) -> Row:
    if post.image is None:
        return Row(post.post, "the post has no picture")
    if post.image not in shas:
        return Row(post.post, "the post's picture cannot be used")
    texts = [mention.text for mention in mentions.get(post.post, ())]
    if not texts:
        return Row(post.post, "no mention")
    sources = [entity for text in texts for entity in candidates[text]]
    if not sources:
        return Row(post.post, "no entity is called like a mention")
    similar = alike[shas[post.image]]
    if not similar:
        return Row(post.post, "no entity's picture is like the post's")
    hit = lookup.nearest(sources, similar)
    if hit is None:
        return Row(post.post, "entities with such a picture are too far away")
    mention = next(text for text in texts if hit.source in candidates[text])
    return Row(post.post, "", mention, hit)


def fingerprint_of(
    params: Knowledge, mentions: str, files: GraphFiles, networks: Iterable[Fingerprint]
) -> str:
    """A digest of all that the words are made from.

    Args:
        params: the block.
        mentions: the sha256 of their table.
        files: the graph.
        networks: of the posts' pictures and of the entities'.
    """
    made_from = {
        "settings": {**params.model_dump(), "conceptual": sorted(params.conceptual)},
        "matcher": matcher(),
        "mentions": mentions,
        "triples": sha256_of(files.graph / TRIPLES),
        "depictions": sha256_of(files.depictions),
        "pictures": [network.digest for network in networks],
    }
    return digest(made_from)


def _counts(
    written: Sequence[tuple[int | None, str]], mentions: Mentions, cuts: int
) -> dict[str, Any]:
    hops = Counter(hop for hop, _ in written if hop is not None)
    return {
        "mentions": mentions.source,
        "gold": mentions.source == "gold",
        "posts": len(written),
        "found": {f"hop_{hop}": hops[hop] for hop in sorted(hops)},
        "none": dict(sorted(Counter(reason for _, reason in written if reason).items())),
        "fan_outs_cut": cuts,
    }


def _told(counts: Mapping[str, Any], params: Knowledge) -> str:
    found = ", ".join(f"{n} at {hop.replace('_', ' ')}" for hop, n in counts["found"].items())
    lines = [
        *([GOLD] if counts["gold"] else []),
        f"{counts['posts']} posts, graph {counts['graph']}, mentions by {counts['mentions']}:"
        f" {found or 'nothing found'}",
        *(f"  {count} without knowledge: {reason}" for reason, count in counts["none"].items()),
    ]
    if params.fan_out is not None:
        lines.append(
            f"  {counts['fan_outs_cut']} times an entity had more than {params.fan_out} edges"
        )
    return "\n".join(lines)
