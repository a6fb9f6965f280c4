import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

SAMPLES = Path(__file__).parents[2] / "samples"
SPLITS = ("train", "dev", "test")
TYPES = {"PER", "LOC", "ORG", "OTHER"}
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
TRIPLE = re.compile(r'<([^>]+)> <([^>]+)> (?:<([^>]+)>|"((?:[^"\\]|\\.)*)"(?:@[\w-]+)?) \.')


@dataclass(frozen=True)
class Post:
    image_id: str
    tokens: tuple[str, ...]
    labels: tuple[str, ...]


# A reader of its own: the test shall not inherit a mistake of the pipeline's reader.
def parse(block: str) -> Post:
    head, *lines = block.split("\n")
    assert head.startswith("IMGID:"), head
    pairs = [line.split("\t") for line in lines]
    assert all(len(pair) == 2 and pair[0] for pair in pairs), block
    return Post(head[6:], tuple(p[0] for p in pairs), tuple(p[1] for p in pairs))


@cache
def posts(split: str) -> tuple[Post, ...]:
    text = (SAMPLES / "posts" / f"{split}.txt").read_text(encoding="utf-8")
    return tuple(parse(block) for block in text.removesuffix("\n").split("\n\n"))


@cache
def triples() -> tuple[tuple[str, str, str, str], ...]:
    lines = (SAMPLES / "graph" / "triples.nt").read_text(encoding="utf-8").splitlines()
    matches = [TRIPLE.fullmatch(line) for line in lines if not line.startswith("#")]
    assert all(matches)
    return tuple((m[1], m[2], m[3] or "", m[4] or "") for m in matches if m)


def pictures() -> list[Path]:
    return sorted((SAMPLES / "images").iterdir()) + sorted((SAMPLES / "graph/images").iterdir())


def entity_images() -> list[dict[str, str]]:
    with (SAMPLES / "graph" / "images.tsv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def distance(name: str, entity: str) -> int:
    """Relations between the nearest entity called `name` and `entity`, walked both ways."""
    goal = f"http://example.org/entity/{entity}"
    reached = {subject for subject, _, _, literal in triples() if literal == name}
    assert reached, name
    steps = 0
    while goal not in reached:
        pairs = [(subject, target) for subject, _, target, _ in triples() if target]
        reached |= {b for a, b in pairs if a in reached} | {a for a, b in pairs if b in reached}
        steps += 1
        assert steps < 9
    return steps


def orphans(labels: tuple[str, ...]) -> Iterator[str]:
    before = "O"
    for label in labels:
        if label.startswith("I-") and before[2:] != label[2:]:
            yield label
        before = label


def test_the_folder_stays_small() -> None:
    files = [path for path in SAMPLES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 8_000_000


def test_there_are_as_many_posts_as_documented() -> None:
    assert [len(posts(split)) for split in SPLITS] == [800, 200, 300]


@pytest.mark.parametrize("split", SPLITS)
def test_labels_are_strict_bio_over_four_types(split: str) -> None:
    valid = {"O"} | {f"{prefix}-{kind}" for prefix in "BI" for kind in TYPES}
    for post in posts(split):
        assert set(post.labels) <= valid
        assert not list(orphans(post.labels)), post


@pytest.mark.parametrize("split", SPLITS)
def test_every_type_is_in_every_split(split: str) -> None:
    opened = Counter(label[2:] for post in posts(split) for label in post.labels if label[0] == "B")
    assert set(opened) == TYPES


def test_dev_and_test_share_some_entities_with_train_but_not_all() -> None:
    def names(split: str) -> set[str]:
        rows = [zip(post.tokens, post.labels, strict=True) for post in posts(split)]
        return {token for row in rows for token, label in row if label[0] == "B"}

    for split in ("dev", "test"):
        assert names(split) & names("train")
        assert names(split) - names("train")


def test_no_text_stands_twice() -> None:
    texts = Counter(" ".join(post.tokens) for split in SPLITS for post in posts(split))
    assert max(texts.values()) == 1


def test_some_posts_have_no_picture_and_some_no_id() -> None:
    known = {path.stem for path in (SAMPLES / "images").iterdir()}
    ids = [post.image_id for split in SPLITS for post in posts(split)]
    assert sum(bool(image_id) and image_id not in known for image_id in ids) >= 12
    assert ids.count("") == 2
    assert known <= set(ids), "a picture that no post uses"


def test_the_awkward_tokens_are_still_there() -> None:
    tokens = {token for split in SPLITS for post in posts(split) for token in post.tokens}
    assert "\ufe0f" in tokens  # editors like to drop it
    assert any(token.startswith("\u200e") for token in tokens)
    assert max(len(post.tokens) for split in SPLITS for post in posts(split)) > 35


@pytest.mark.parametrize("path", pictures(), ids=lambda path: path.stem)
def test_a_picture_decodes_and_its_licence_is_named(path: Path) -> None:
    with Image.open(path) as picture:
        picture.load()
        assert picture.mode == "RGB"
        assert max(picture.size) <= 640
    assert f"`{path.relative_to(SAMPLES)}`" in (SAMPLES / "LICENSES.md").read_text(encoding="utf-8")


def test_the_recipe_names_exactly_the_pictures_there_are() -> None:
    with (SAMPLES / "sources.tsv").open(encoding="utf-8", newline="") as handle:
        rows = [row["file"] for row in csv.DictReader(handle, delimiter="\t")]
    assert sorted(rows) == sorted(str(path.relative_to(SAMPLES)) for path in pictures())


def test_every_post_picture_has_three_to_five_captions() -> None:
    corpus = json.loads((SAMPLES / "captions.json").read_text(encoding="utf-8"))
    names = {image["id"]: image["file_name"] for image in corpus["images"]}
    assert sorted(names.values()) == sorted(path.name for path in (SAMPLES / "images").iterdir())
    counts = Counter(note["image_id"] for note in corpus["annotations"])
    assert set(counts) == set(names)
    assert set(counts.values()) <= {3, 4, 5}
    assert len({note["id"] for note in corpus["annotations"]}) == len(corpus["annotations"])


def test_captions_of_a_picture_share_its_subject() -> None:
    corpus = json.loads((SAMPLES / "captions.json").read_text(encoding="utf-8"))
    shared: dict[int, set[str]] = {}
    for note in corpus["annotations"]:
        words = {word for word in note["caption"].split() if len(word) > 2}
        shared[note["image_id"]] = shared.get(note["image_id"], words) & words
    assert all(words - {"the", "and", "with"} for words in shared.values())


def test_the_graph_names_every_entity() -> None:
    labelled = {subject for subject, relation, _, _ in triples() if relation == LABEL}
    used = {node for subject, _, target, _ in triples() for node in (subject, target) if node}
    entities = {node for node in used if node.startswith("http://example.org/entity/")}
    assert len(labelled) >= 60
    assert entities == labelled
    assert len(set(triples())) == len(triples())


def test_every_entity_picture_exists_and_belongs_to_an_entity() -> None:
    subjects = {triple[0] for triple in triples()}
    files = {path.name for path in (SAMPLES / "graph" / "images").iterdir()}
    assert {row["entity"] for row in entity_images()} <= subjects
    assert {row["file"] for row in entity_images()} == files


# The table in samples/README.md; classes count as entities here, the least favourable reading.
@pytest.mark.parametrize(
    ("name", "pictured", "hops"),
    [
        ("Eileen Collins", "Eileen_Collins", 0),
        ("Brandenburger Tor", "Brandenburg_Gate", 0),
        ("Chelsea", "Chelsea_(cat)", 0),
        ("NASA", "Eileen_Collins", 1),
        ("SpaceX", "Falcon_9", 1),
        ("Sichuan", "Giant_panda", 1),
        ("Hawthorne", "Falcon_9", 2),
        ("New Haven", "Grace_Hopper", 2),
        ("Dijon", "Eiffel_Tower", 2),
        ("Enterprise", "Eileen_Collins", 4),
    ],
)
def test_a_name_is_as_far_from_the_pictured_entity_as_documented(
    name: str, pictured: str, hops: int
) -> None:
    assert distance(name, pictured) == hops
