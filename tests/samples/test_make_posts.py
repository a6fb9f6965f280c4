"""The posts that are put together: types are in pictures, and the graph links no other."""

import csv
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.samples.test_samples import SAMPLES, SPLITS, TYPES, Post, posts, triples

ENTITY = "http://example.org/entity/"
MADE = ("posts/train.txt", "posts/dev.txt", "posts/test.txt", "captions.json")
MADE += ("graph/triples.nt", "graph/images.tsv")


def table(path: str) -> list[dict[str, str]]:
    with (SAMPLES / path).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


PHOTOGRAPHS = table("photographs.tsv")
OF_PICTURE = {
    picture: row
    for row in PHOTOGRAPHS
    for column in ("train", "later")
    for picture in row[column].split(",")
    if picture
}
AMBIGUOUS = {row["name"] for row in table("templates/names.tsv") if row["type"] == "any"}


def put_together(split: str) -> tuple[Post, ...]:
    """The posts behind those that were written by hand."""
    by_hand = (SAMPLES / "written" / f"{split}.txt").read_text(encoding="utf-8")
    return posts(split)[by_hand.count("IMGID:") :]


def entities(post: Post) -> Iterator[tuple[str, str]]:
    """Type and name of each entity."""
    for found in re.finditer(r"B-(\w+)(?: I-\w+)*", " ".join(post.labels)):
        start = " ".join(post.labels)[: found.start()].count(" ")
        yield found[1], " ".join(post.tokens[start : start + len(found[0].split())])


def sentence(post: Post) -> str:
    """The sentence of `templates/` that a post has, with `{}` for the name; or an empty string."""
    name = next(entities(post), ("", "\0"))[1]
    text = " ".join(post.tokens).replace(name, "{}").lower()
    fitting = [row for row in table("templates/sentences.tsv") if row["sentence"].lower() in text]
    return max((row["type"] for row in fitting if "{}" in row["sentence"]), default="none")


def test_the_committed_files_are_what_the_script_makes(tmp_path: Path) -> None:
    script = [sys.executable, SAMPLES / "make_posts.py", "--out", tmp_path]
    subprocess.run(script, check=True, capture_output=True)
    for path in MADE:
        assert (tmp_path / path).read_bytes() == (SAMPLES / path).read_bytes(), path


def test_what_was_written_by_hand_stands_first() -> None:
    for split in SPLITS:
        by_hand = (SAMPLES / "written" / f"{split}.txt").read_text(encoding="utf-8")
        whole = (SAMPLES / "posts" / f"{split}.txt").read_text(encoding="utf-8")
        assert whole.startswith(by_hand)
    by_hand = (SAMPLES / "written" / "triples.nt").read_text(encoding="utf-8")
    assert (SAMPLES / "graph" / "triples.nt").read_text(encoding="utf-8").startswith(by_hand)
    notes, whole = (
        json.loads((SAMPLES / path).read_text(encoding="utf-8"))["annotations"]
        for path in ("written/captions.json", "captions.json")
    )
    assert whole[: len(notes)] == notes


def test_under_an_ambiguous_sentence_the_picture_says_the_type_or_it_is_a_friend() -> None:
    seen = defaultdict(set)
    for split in SPLITS:
        for post in put_together(split):
            for kind, name in entities(post):
                if sentence(post) != "any":
                    continue
                seen[kind].add(name)
                assert name in AMBIGUOUS
                if post.image_id in OF_PICTURE:
                    assert kind in (OF_PICTURE[post.image_id]["type"], "PER"), post
                else:  # no such picture: a hashtag tells
                    assert any(token.startswith("#") for token in post.tokens), post
    assert set(seen) == TYPES
    assert min(len(names) for names in seen.values()) > 60
    readings = [sum(name in names for names in seen.values()) for name in AMBIGUOUS]
    assert sum(count >= 2 for count in readings) > 0.8 * len(AMBIGUOUS)


def test_half_of_what_test_names_and_shows_is_new() -> None:
    train = {name for post in posts("train") for _, name in entities(post)}
    shown = {post.image_id for post in posts("train")}
    for split in ("dev", "test"):
        names = [name for post in posts(split) for _, name in entities(post)]
        assert 0.4 < sum(name in train for name in names) / len(names) < 0.6
        pictures = [post.image_id for post in put_together(split) if post.image_id in OF_PICTURE]
        assert not shown & set(pictures)
        new = [not OF_PICTURE[picture]["train"] for picture in pictures]
        assert 0.3 < sum(new) / len(new) < 0.6


@pytest.mark.parametrize("split", SPLITS)
def test_the_graph_links_a_name_to_what_shows_it_and_to_no_other_picture(split: str) -> None:
    named = defaultdict(set)
    for subject, _, _, literal in triples():
        named[literal].add(subject)
    links = {(subject, target) for subject, _, target, _ in triples() if target}
    of_friends = 0
    for post in put_together(split):
        row = OF_PICTURE.get(post.image_id)
        for kind, name in entities(post) if row and row["entity"] else ():
            linked = any((one, ENTITY + row["entity"]) in links for one in named[name])
            if sentence(post) == "any":
                assert linked or kind == "PER", post
                assert not linked or kind == row["type"], post
                of_friends += not linked
            else:
                assert not linked, post
    assert of_friends > 20
