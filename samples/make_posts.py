"""Rebuild the posts, captions and graph of the sample: what is written by hand, and what follows.

`written/` holds what was written by hand; it stands first in each file. Behind it come posts that
are put together from `templates/` and `photographs.tsv`, by draws from a fixed seed, with what the
graph says of their names. README.md says how, and why a name's type is in the picture.
"""

import argparse
import csv
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
SEED = 16
COUNTS = {"train": 638, "dev": 151, "test": 226}  # posts behind those written by hand
TYPES = ("PER", "LOC", "ORG", "OTHER")
# Shares of all posts; the rest name nothing.
SHOWN, FRIENDS, TOLD = 0.54, 0.18, 0.18
SHOWN_TYPES = ("PER", "LOC", "LOC", "ORG", "ORG", "OTHER", "OTHER")  # friends are PER already
NEW = 0.5  # of what dev and test draw, train has never seen so much
MISSING = 0.12  # of the posts whose picture would show the type; a hashtag then tells it
TAGGED = 0.3
READINGS = 8  # a name is linked to at most so many photographs, fewer than `knowledge.best`
USERS = ("dailysnap", "kiosk_jo", "northbound", "mila_writes", "teatime", "the_late_bus")
TAILS = ("", "", "", "", "lol", "!!", "...", "😍", "😂", "🙌", "❤️", "🤷")
ENTITY = "http://example.org/entity/"
RELATION = "http://example.org/relation/"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"

Row = dict[str, str]
Table = dict[tuple[str, str], list[str]]  # type, and the split that first uses it -> texts


def rows(path: Path) -> list[Row]:
    """The rows of a table with a header, its columns parted by tabs."""
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


def table(name: str, column: str) -> Table:
    """A table of `templates/`."""
    found: Table = {}
    for row in rows(HERE / "templates" / f"{name}.tsv"):
        found.setdefault((row["type"], row["first"]), []).append(row[column])
    return found


@dataclass
class Author:
    """Writes posts, and keeps apart what the graph must link and what it must not."""

    photographs: list[Row]
    draw: random.Random = field(default_factory=lambda: random.Random(SEED))
    sentences: Table = field(default_factory=lambda: table("sentences", "sentence"))
    names: Table = field(default_factory=lambda: table("names", "name"))
    hashtags: Table = field(default_factory=lambda: table("hashtags", "words"))
    linked: dict[tuple[str, str], Row] = field(default_factory=dict)  # name, photograph
    apart: set[tuple[str, str]] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    missing: int = 2000  # ids of pictures that do not exist count on from here

    def post(self, split: str) -> str:
        """A post that differs from all others, as it stands in the split's file."""
        while True:
            share = self.draw.random()
            if share < SHOWN:
                image, kind, name, words = self._shown(split)
            elif share < SHOWN + FRIENDS:
                image, kind, name, words = self._friend(split)
            elif share < SHOWN + FRIENDS + TOLD:
                image, kind, name, words = self._told(split)
            else:
                image, kind, name = self._picture(self._photograph(split), split), "", ""
                words = self._of(self.sentences, "none", split).split()
            tokens = [*self._head(), *words, *self._tail()]
            if "{}" not in tokens[0] and self.draw.random() < 0.3:
                tokens[0] = tokens[0].capitalize() if tokens[0] != "RT" else "RT"
            text = " ".join(tokens).replace("{}", name)
            if text not in self.texts:
                self.texts.add(text)
                return f"IMGID:{image}\n" + "\n".join(labelled(tokens, name, kind)) + "\n"

    def _shown(self, split: str) -> tuple[str, str, str, list[str]]:
        """A sentence that fits every type, about a name of any, under a picture of it."""
        kind = self.draw.choice(SHOWN_TYPES)
        photograph = self._photograph(split, kind)
        name = self._of(self.names, "any", split)
        while not self._may_link(name, photograph):
            name = self._of(self.names, "any", split)
        words = self._of(self.sentences, "any", split).split()
        unseen = self.draw.random() < MISSING
        if unseen or self.draw.random() < TAGGED:
            words.append(self._hashtag(kind, split))
        if unseen:
            self.missing += 1
            return f"none_{self.missing}", kind, name, words
        if photograph["entity"]:
            self.linked[name, photograph["photograph"]] = photograph
        return self._picture(photograph, split), kind, name, words

    def _friend(self, split: str) -> tuple[str, str, str, list[str]]:
        """The same, about a friend, under a picture of what the graph does not link to the name."""
        name = self._of(self.names, "any", split)
        words = self._of(self.sentences, "any", split).split()
        return self._unlinked(name, split), "PER", name, words

    def _told(self, split: str) -> tuple[str, str, str, list[str]]:
        """A sentence that tells the type, under a picture that has nothing to do with it."""
        kind = self.draw.choice(TYPES)
        name = self._of(self.names, self.draw.choice((kind, "any")), split)
        words = self._of(self.sentences, kind, split).split()
        return self._unlinked(name, split), kind, name, words

    def _unlinked(self, name: str, split: str) -> str:
        photograph = self._photograph(split, self.draw.choice(TYPES))
        while (name, photograph["photograph"]) in self.linked:
            photograph = self._photograph(split, self.draw.choice(TYPES))
        self.apart.add((name, photograph["photograph"]))
        return self._picture(photograph, split)

    def _may_link(self, name: str, photograph: Row) -> bool:
        pair = (name, photograph["photograph"])
        if pair in self.apart:
            return False
        return pair in self.linked or sum(name == one for one, _ in self.linked) < READINGS

    def _photograph(self, split: str, kind: str | None = None) -> Row:
        fitting = [row for row in self.photographs if kind in (None, row["type"])]
        known = [row for row in fitting if row["train"]]
        new = [row for row in fitting if not row["train"]]
        later = split != "train" and new and self.draw.random() < NEW
        return self.draw.choice(new if later else known)

    def _picture(self, photograph: Row, split: str) -> str:
        column = "train" if split == "train" else "later"
        return self.draw.choice(photograph[column].split(","))

    def _of(self, texts: Table, kind: str, split: str) -> str:
        later = split != "train" and self.draw.random() < NEW
        return self.draw.choice(texts[kind, "later" if later else "train"])

    def _hashtag(self, kind: str, split: str) -> str:
        words = self._of(self.hashtags, kind, split)
        if self.draw.random() < 0.3:
            words = words.title()
        return "#" + words.replace(" ", "")

    def _head(self) -> list[str]:
        if self.draw.random() < 0.08:
            return ["RT", f"@{self.draw.choice(USERS)}", ":"]
        return []

    def _tail(self) -> list[str]:
        tail = [sign for sign in [self.draw.choice(TAILS)] if sign]
        if self.draw.random() < 0.25:
            letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
            tail.append("http://t.co/" + "".join(self.draw.choices(letters, k=8)))
        return tail


def labelled(tokens: list[str], name: str, kind: str) -> Iterator[str]:
    """`token<TAB>label` lines; each `{}` becomes the name."""
    for token in tokens:
        if token != "{}":
            yield f"{token}\tO"
            continue
        for place, word in enumerate(name.split()):
            yield f"{word}\t{'I' if place else 'B'}-{kind}"


def captions(photographs: list[Row]) -> str:
    """COCO's JSON: a photograph that has captions by hand gives them to its other crops."""
    corpus = json.loads((HERE / "written" / "captions.json").read_text(encoding="utf-8"))
    ids = {image["file_name"]: image["id"] for image in corpus["images"]}
    for row in photographs:
        pictures = [
            name for column in ("train", "later") for name in row[column].split(",") if name
        ]
        source = ids.get(f"{pictures[0]}.jpg")
        told = [n["caption"] for n in corpus["annotations"] if n["image_id"] == source]
        subject = row["subject"]
        written = [f"{subject} {row['scene']}", f"{subject} {row['other_scene']}"]
        for picture in pictures:
            if f"{picture}.jpg" in ids:
                continue
            number = len(corpus["images"]) + 1
            corpus["images"].append({"id": number, "file_name": f"{picture}.jpg"})
            texts = told if told and not row["scene"] else [*written, f"a picture of {subject}"]
            for text in texts:
                note = {"id": len(corpus["annotations"]) + 1, "image_id": number, "caption": text}
                corpus["annotations"].append(note)
    return json.dumps(corpus, indent=1, ensure_ascii=False) + "\n"


def triples(linked: dict[tuple[str, str], Row]) -> list[str]:
    """What the graph says of the names: each reading is an entity, linked to what is pictured."""
    lines = ["# Names of posts, and what each may be; from make_posts.py."]
    for (name, _), row in sorted(linked.items()):
        entity = f"<{ENTITY}{name}_({row['word']})>".replace(" ", "_")
        lines.append(f'{entity} <{LABEL}> "{name}"@en .')
        lines.append(f"{entity} <{RELATION}{row['link']}> <{ENTITY}{row['entity']}> .")
    return lines


def main() -> None:
    """Write posts/, captions.json, graph/triples.nt and graph/images.tsv."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=HERE, help="default: beside this script")
    out: Path = parser.parse_args().out
    for folder in ("posts", "graph"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    photographs = rows(HERE / "photographs.tsv")
    author = Author(photographs)
    for split, count in COUNTS.items():
        by_hand = (HERE / "written" / f"{split}.txt").read_text(encoding="utf-8").rstrip("\n")
        posts = [by_hand + "\n", *(author.post(split) for _ in range(count))]
        (out / "posts" / f"{split}.txt").write_text("\n".join(posts), encoding="utf-8")
    (out / "captions.json").write_text(captions(photographs), encoding="utf-8")
    by_hand = (HERE / "written" / "triples.nt").read_text(encoding="utf-8")
    text = by_hand + "\n".join(triples(author.linked)) + "\n"
    (out / "graph" / "triples.nt").write_text(text, encoding="utf-8")
    depicted = (HERE / "written" / "images.tsv").read_text(encoding="utf-8")
    (out / "graph" / "images.tsv").write_text(depicted, encoding="utf-8")


if __name__ == "__main__":
    main()
