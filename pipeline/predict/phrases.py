"""The phrases of new posts: each table of phrases has a maker, which does what its stage does.

A maker gives for each post its words, and what to tell of them where an explanation is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Protocol

import torch

from pipeline.captions.caption import find_captions, fingerprint_of
from pipeline.captions.captioner import GRID, check_features, read_captioner
from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.knowledge.lookup.knowledge import Finder, check_networks
from pipeline.knowledge.lookup.knowledge import fingerprint_of as digest_of_knowledge
from pipeline.knowledge.lookup.knowledge_table import knowledge_of, path_of
from pipeline.knowledge.lookup.mentions import named, ngrams
from pipeline.params.caption import Caption
from pipeline.params.graph import Graph
from pipeline.params.hashtags import Hashtags
from pipeline.params.knowledge import Knowledge
from pipeline.params.mentions import Mentions
from pipeline.params.tags import Tags
from pipeline.predict.chain import Chain
from pipeline.predict.pictures import RoleNetwork, Seen
from pipeline.tables.phrases import NONE, WeightedWords, of_names, plain
from pipeline.text.hashtags.segmenter import segment
from pipeline.text.hashtags.table import find_segmenter
from pipeline.vision.classes import class_names
from pipeline.vision.tags import LOGITS, top

Shas = Mapping[str, str]  # image of a post -> sha256, of each that can be used


@dataclass(frozen=True)
class Phrase:
    """The words of one post, and how they came about, as a tree for JSON."""

    words: WeightedWords
    told: Any


class Maker(Protocol):
    """Makes the phrases of one table; `fingerprint` is the table's."""

    fingerprint: str

    def make(self, posts: Sequence[Post], shas: Shas, seen: Mapping[str, Seen]) -> list[Phrase]:
        """The phrase of each post, given what the networks of the roles saw."""


class AttributeMaker:
    """The names of the best classes of a picture."""

    def __init__(self, chain: Chain, networks: Mapping[str, RoleNetwork]) -> None:
        self._top = chain.block("tags", Tags).top_k
        self.fingerprint = networks["tags"].fingerprint.digest
        self._names = class_names(networks["tags"].fingerprint.backbone)

    def make(self, posts: Sequence[Post], shas: Shas, seen: Mapping[str, Seen]) -> list[Phrase]:
        """As `Maker`."""
        keys = sorted(set(shas.values()))
        if not keys:
            return _by_image(posts, shas, {})
        classes, shares = top(seen["tags"].rows(LOGITS, keys), self._top)
        phrases = {}
        for key, best, chances in zip(keys, classes, shares, strict=True):
            names = [self._names[number] for number in best.tolist()]
            told = [
                [name, round(chance, 4)]
                for name, chance in zip(names, chances.tolist(), strict=True)
            ]
            phrases[key] = Phrase(of_names(names, chances.tolist()), told)
        return _by_image(posts, shas, phrases)


class CaptionMaker:
    """The caption of a picture."""

    def __init__(self, chain: Chain, networks: Mapping[str, RoleNetwork]) -> None:
        self._params = chain.block("caption", Caption)
        self._captioner, weights = read_captioner(chain.captioner, torch.device("cpu"))
        features = networks["caption"].fingerprint.digest
        check_features(self._captioner, features, chain.captioner, chain.root)
        self.fingerprint = fingerprint_of(self._params, features, weights)

    def make(self, posts: Sequence[Post], shas: Shas, seen: Mapping[str, Seen]) -> list[Phrase]:
        """As `Maker`."""
        keys = sorted(set(shas.values()))
        if not keys:
            return _by_image(posts, shas, {})
        found = find_captions(self._captioner, self._params, seen["caption"].rows(GRID, keys))
        captions = self._captioner.words(found)
        phrases = {
            key: Phrase(plain(words), " ".join(words))
            for key, words in zip(keys, captions, strict=True)
        }
        return _by_image(posts, shas, phrases)


class HashtagMaker:
    """The words of a post's hashtags."""

    def __init__(self, chain: Chain, networks: Mapping[str, RoleNetwork]) -> None:
        del networks
        self._params = chain.block("hashtags", Hashtags)
        self._segmenter, self.fingerprint = find_segmenter(self._params, chain.segmenter)

    def make(self, posts: Sequence[Post], shas: Shas, seen: Mapping[str, Seen]) -> list[Phrase]:
        """As `Maker`."""
        del shas, seen
        tokens = sorted({token for post in posts for token in post.tokens})
        found = segment(tokens, self._segmenter, self._params.max_characters)
        words = {one.token: one.words.words for one in found}
        return [
            Phrase(
                reduce(add, (plain(words.get(token, ())) for token in post.tokens), NONE),
                {token: list(words[token]) for token in post.tokens if token in words},
            )
            for post in posts
        ]


class KnowledgeMaker:
    """The words of the knowledge that a picture's entity has, around the names in the text."""

    def __init__(self, chain: Chain, networks: Mapping[str, RoleNetwork]) -> None:
        self._params = chain.block("knowledge", Knowledge)
        mentions = chain.block("mentions", Mentions)
        if mentions.source != "ngrams":
            raise PipelineError(
                f"{chain.where}: mentions.source is {mentions.source}: a new post has no such"
                " mentions, for its labels, or the taggers of `tag_posts`, are not there; train"
                " with mentions.source=ngrams"
            )
        self._longest = mentions.longest
        entities = chain.entity_rows()
        both = networks["tags"].fingerprint, entities.fingerprint
        check_networks(*both, "extract.tags", "the entities' pictures")
        name = chain.block("graph", Graph).name
        self._finder = Finder(self._params, chain.graph, entities, name)
        self.fingerprint = digest_of_knowledge(self._params, chain.mentions(), chain.graph, both)

    def make(self, posts: Sequence[Post], shas: Shas, seen: Mapping[str, Seen]) -> list[Phrase]:
        """As `Maker`."""
        mentions = {
            post.post: named(post.tokens, ngrams(post.tokens, self._longest)) for post in posts
        }
        graph, concepts = self._finder.graph, self._finder.concepts
        phrases = []
        for row in self._finder.find(posts, mentions, shas, seen["tags"]):
            triples, words, reason = knowledge_of(row, concepts, self._params)
            told: dict[str, Any] = {"reason": reason} if reason else {}
            if row.hit is not None:
                told |= {
                    "mention": row.mention,
                    "entity": graph.entities[row.hit.entity].name,
                    "path": path_of(graph, row.hit),
                    "hop": row.hit.hop,
                    "similarity": round(row.hit.similarity, 4),
                    "triples": [dict(triple) for triple in triples],
                }
            phrases.append(Phrase(words, told))
        return phrases


# The table of phrases that a system reads -> what makes it for new posts.
MAKERS: Mapping[str, Callable[[Chain, Mapping[str, RoleNetwork]], Maker]] = {
    "attributes": AttributeMaker,
    "captions": CaptionMaker,
    "hashtags": HashtagMaker,
    "knowledge": KnowledgeMaker,
}


def _by_image(posts: Sequence[Post], shas: Shas, phrases: Mapping[str, Phrase]) -> list[Phrase]:
    """The phrase of each post's picture; without words where a post has none."""
    found = [phrases.get(shas.get(post.image or "", "")) for post in posts]
    return [phrase or Phrase(NONE, None) for phrase in found]
