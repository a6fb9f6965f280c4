"""The stage `knowledge`: the graph's triples about the entity that each post's picture shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.corpus.images import read_images, usable
from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.files import sha256_of, write_json
from pipeline.fingerprint import digest
from pipeline.knowledge.graph.graph import TRIPLES, Graph, read_graph
from pipeline.knowledge.labels.candidates import find_candidates
from pipeline.knowledge.labels.index import LabelIndex
from pipeline.knowledge.labels.index_tables import read_index
from pipeline.knowledge.labels.scorers import find_scorer, matcher
from pipeline.knowledge.lookup.concepts import Concepts
from pipeline.knowledge.lookup.depictions import read_depictions
from pipeline.knowledge.lookup.knowledge_table import Row, write_knowledge
from pipeline.knowledge.lookup.lookup import Lookup, Pictures
from pipeline.knowledge.lookup.mentions import Mentions, read_mentions
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


def find_knowledge(params: Knowledge, files: Files, name: str) -> str:
    """Write a phrase for each post: the words of its picture's knowledge. Returns the findings.

    Args:
        params: the block.
        files: read and written.
        name: the graph's, which every output tells.

    Raises:
        PipelineError: for tables that are not of one corpus or graph, a graph without a conceptual
            relation, a label index of another scorer, or pictures of posts and entities that went
            through different networks.
    """
    graph = read_graph(files.graph)
    concepts = Concepts(graph, params.conceptual, f"{files.graph} ({name})")
    posts, mentions = read_posts(files.posts), read_mentions(files.mentions)
    index = read_index(files.label_index)
    if index.scorer != params.scorer or len(index.ranks) != len(graph.entities):
        raise PipelineError(
            f"{files.label_index}: is of another graph, or for {index.scorer} and not"
            f" {params.scorer}; run `dvc repro label_index`"
        )
    _check_networks(files.store, files.entity_store)
    shas = usable(read_images(files.images))
    pictures = _pictures(files, graph)
    seen = sorted({shas[post.image] for post in posts if post.image in shas})
    vectors = Reader(files.store).rows(VECTORS, seen)
    alike = dict(zip(seen, pictures.alike(vectors, params.theta), strict=True))
    candidates = _candidates(posts, mentions, index, params)
    lookup = Lookup(graph.adjacency, params.hops, params.fan_out)
    rows = [_look_up(post, shas, mentions, candidates, alike, lookup) for post in posts]
    written = write_knowledge(
        params,
        files.knowledge,
        rows,
        graph,
        concepts,
        fingerprint=_fingerprint(params, files),
        facts={
            "graph": name,
            "mentions": mentions.source,
            "backbone": Reader(files.store).fingerprint.backbone,
        },
    )
    counts = {"graph": name, **_counts(written, mentions, lookup.cuts)}
    write_json(files.metrics, counts)
    return _told(counts, params)


def _check_networks(posts: Path, entities: Path) -> None:
    one, other = Reader(posts).fingerprint.to_json(), Reader(entities).fingerprint.to_json()
    differ = sorted(name for name in one if name != "outputs" and one[name] != other.get(name))
    if differ:
        raise PipelineError(
            f"{posts} and {entities} cannot be compared: they differ in {', '.join(differ)};"
            " extract both with the same network"
        )


def _pictures(files: Files, graph: Graph) -> Pictures:
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
    return Pictures(Reader(files.entity_store).rows(VECTORS, keys), [owners[key] for key in keys])


def _candidates(
    posts: Sequence[Post], mentions: Mentions, index: LabelIndex, params: Knowledge
) -> dict[str, list[int]]:
    """The candidate entities of every different mention, the best first."""
    scorer = find_scorer(params.scorer)
    texts = {m.text for post in posts for m in mentions.by_post.get(post.post, ())}
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
    mentions: Mentions,
    candidates: Mapping[str, Sequence[int]],
    alike: Mapping[str, Mapping[int, float]],
    lookup: Lookup,
) -> Row:
    if post.image is None:
        return Row(post.post, "the post has no picture")
    if post.image not in shas:
        return Row(post.post, "the post's picture cannot be used")
    texts = [mention.text for mention in mentions.by_post.get(post.post, ())]
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


def _fingerprint(params: Knowledge, files: Files) -> str:
    """A digest of all that the words are made from."""
    made_from = {
        "settings": {**params.model_dump(), "conceptual": sorted(params.conceptual)},
        "matcher": matcher(),
        "mentions": sha256_of(files.mentions),
        "triples": sha256_of(files.graph / TRIPLES),
        "depictions": sha256_of(files.depictions),
        "pictures": [
            Reader(store).fingerprint.digest for store in (files.store, files.entity_store)
        ],
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
