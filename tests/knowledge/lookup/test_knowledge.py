"""From triples and pictures to the words of each post: the sample's graph, and planted pictures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from pipeline.corpus.image_index import index_images
from pipeline.corpus.posts import Post, write_posts
from pipeline.corpus.prepare import prepare
from pipeline.errors import PipelineError
from pipeline.knowledge.graph.importing import import_graph
from pipeline.knowledge.labels.indexing import index_labels
from pipeline.knowledge.lookup.depictions import Files as DepictionFiles
from pipeline.knowledge.lookup.depictions import index_entity_images
from pipeline.knowledge.lookup.knowledge import Files, find_knowledge
from pipeline.knowledge.lookup.mentions import GOLD, Source, find_mentions
from pipeline.params.extract import Extract
from pipeline.params.graph import Graph as GraphParams
from pipeline.params.index_images import IndexImages
from pipeline.params.knowledge import Knowledge
from pipeline.params.mentions import Mentions
from pipeline.params.prepare import Prepare
from pipeline.tables.phrases import read_phrases
from pipeline.vision import extract as extraction
from tests.blocks import of_project, quiet
from tests.knowledge.conftest import EXAMPLE, NAMING, named, statement

SAMPLE = of_project("graph", GraphParams)
SETTINGS = of_project("knowledge", Knowledge, conceptual=["isA", "type"])


def changed(**values: object) -> Knowledge:
    return SETTINGS.model_copy(update=values)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@dataclass(frozen=True)
class Project:
    """Posts, a graph and both their pictures, through every stage before `knowledge`."""

    folder: Path

    def files(self) -> Files:
        return Files(
            self.folder / "posts.parquet",
            self.folder / "mentions.parquet",
            self.folder / "images.parquet",
            self.folder / "tags",
            self.folder / "graph",
            self.folder / "label_index",
            self.folder / "depictions.parquet",
            self.folder / "entity_images.parquet",
            self.folder / "entity_images",
            self.folder / "knowledge.parquet",
            self.folder / "knowledge.json",
        )

    def read(
        self, images: Path, triples: Path, table: Path, entity_images: Path, naming: GraphParams
    ) -> None:
        """Run the stages on posts that are already written."""
        files, folder = self.files(), self.folder
        runtime = quiet(workers=1)
        index_images(
            files.posts,
            images,
            files.images,
            folder / "thumbnails",
            folder / "images.json",
            of_project("index_images", IndexImages, max_pixels=10**7),
            runtime,
        )
        import_graph(naming, triples, files.graph, folder / "graph.json")
        index_labels(files.graph, files.label_index, "WRatio")
        index_entity_images(
            of_project("index_images", IndexImages),
            quiet(workers=1),
            DepictionFiles(
                graph=files.graph,
                table=table,
                folder=entity_images,
                images=files.entity_images,
                thumbnails=folder / "entity_thumbnails",
                depictions=files.depictions,
                metrics=folder / "entities.json",
            ),
        )
        for store, index, source in (
            (files.store, files.images, images),
            (files.entity_store, files.entity_images, entity_images),
        ):
            network = of_project("extract.tags", Extract, outputs=["pooled"])
            extraction.extract(extraction.Files(index, source, store), network, runtime)

    def mentions(self, source: Source) -> None:
        files = self.files()
        report = self.folder / "mentions.json"
        params = Mentions(source=source, longest=4)
        find_mentions(params, files.posts, self.folder / "none", files.mentions, report)

    def knowledge(self, params: Knowledge) -> tuple[str, dict[str, dict[str, Any]]]:
        told = find_knowledge(params, self.files(), "mine")
        rows = pq.read_table(self.files().knowledge).to_pylist()
        return told, {row["key"]: row for row in rows}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Project:
    project = Project(tmp_path_factory.mktemp("sample"))
    samples = root / "samples"
    splits = {split: samples / "posts" / f"{split}.txt" for split in ("train", "dev", "test")}
    types = ["PER", "LOC", "ORG", "OTHER"]
    prepare(
        splits,
        project.files().posts,
        project.folder / "posts.json",
        Prepare(entity_types=types, rename={}, untyped=False),
    )
    graph = samples / "graph"
    project.read(
        samples / "images",
        graph / "triples.nt",
        graph / "images.tsv",
        graph / "images",
        SAMPLE,
    )
    project.mentions("gold")
    return project


# The table in samples/README.md: words that only this post has, hop, entity.
HOPS = [
    ("RT @orbitdaily : Eileen Collins , first woman to pilot", 0, "Eileen_Collins"),
    ("meet at Brandenburger Tor in 10 min", 0, "Brandenburg_Gate"),
    ("vet says Chelsea must lose 500 g", 0, "Chelsea_(cat)"),
    ("Throwback to a proper NASA legend", 1, "Eileen_Collins"),
    ("SpaceX scrubbed again", 1, "Falcon_9"),
    ("Sichuan , land of spice and long lunches", 1, "Giant_panda"),
    ("Hawthorne built this .", 2, "Falcon_9"),
    ("New Haven ppl , there is a college named after this lady now", 2, "Grace_Hopper"),
    ("Dijon gave the world mustard", 2, "Eiffel_Tower"),
    ("Edward Hopper would have painted this cup", None, None),
    ("Collins is directing her first short", None, None),
    ("Enterprise never went to space", None, None),
]


def test_the_documented_posts_of_the_sample(sample: Project) -> None:
    told, rows = sample.knowledge(SETTINGS)
    texts = pq.read_table(sample.files().posts, columns=["post", "tokens"]).to_pylist()
    posts = {" ".join(row["tokens"]): row["post"] for row in texts}
    for start, hop, entity in HOPS:
        row = rows[next(post for text, post in posts.items() if text.startswith(start))]
        assert row["hop"] == hop, (start, row)
        assert (row["entity"] or "").removeprefix(f"{EXAMPLE}entity/") == (entity or "")
        assert bool(row["words"]) == (hop is not None) == (row["reason"] == "")
        if hop is not None:
            assert len(row["path"]) == 2 * hop + 1
            assert (row["path"][0], row["path"][-1]) == (row["candidate"], row["entity"])
            assert row["similarity"] >= 0.9
            objects = [triple["object"] for triple in row["triples"]]
            assert row["words"] == [word for text in objects for word in text.split()]
    assert told.startswith(GOLD)
    assert {row["mention_source"] for row in rows.values()} == {"gold"}
    counts = json.loads((sample.folder / "knowledge.json").read_text())
    assert counts["gold"] is True
    assert set(counts["found"]) == {"hop_0", "hop_1", "hop_2"}
    assert sum(counts["found"].values()) + sum(counts["none"].values()) == len(rows) == 1300
    assert (counts["graph"], counts["mentions"]) == ("mine", "gold")
    table = read_phrases(sample.folder / "knowledge.parquet")
    assert table.keyed_by == "post"
    network = "efficientnet_lite0"
    assert table.facts == {"graph": "mine", "mentions": "gold", "backbone": network}


def test_settings_matter_and_change_the_fingerprint(sample: Project) -> None:
    def run(params: Knowledge) -> tuple[Counter[int | None], str, list[str]]:
        _, rows = sample.knowledge(params)
        table = read_phrases(sample.folder / "knowledge.parquet")
        words = [word for row in rows.values() for word in row["words"]]
        return Counter(row["hop"] for row in rows.values()), table.fingerprint, words

    hops, digest, words = run(SETTINGS)
    nearer, other, _ = run(changed(hops=1))
    assert nearer == Counter({None: hops[None] + hops[2], 0: hops[0], 1: hops[1]})
    assert other != digest
    _, third, more = run(changed(relation_words=True))
    assert more.count("is") > words.count("is")
    _, fourth, _ = run(changed(subject_words=True))
    assert len({digest, other, third, fourth}) == 4
    _, rows = sample.knowledge(changed(conceptual=["subClassOf"]))
    assert {row["reason"] for row in rows.values() if row["hop"] is not None} == {
        "the graph says nothing conceptual of the entity"
    }


def test_a_graph_without_a_conceptual_relation_is_refused_before_anything_is_read(
    sample: Project,
) -> None:
    files = replace(sample.files(), posts=sample.folder / "none", store=sample.folder / "none")
    with pytest.raises(PipelineError, match=r"graph \(mine\): has none of the relations noSuch"):
        find_knowledge(changed(conceptual=["noSuch"]), files, "mine")


def test_tables_that_do_not_belong_together_are_refused(sample: Project) -> None:
    with pytest.raises(PipelineError, match="for WRatio and not ratio"):
        sample.knowledge(changed(scorer="ratio"))


# ---- planted: other crops of the pictures of entities one or two hops from the mention

KEPT, EACH = 0.9, 20  # the share of a side that is kept; the photographs of each hop
# Pooled features of EfficientNet-lite0: two such crops of a photograph have a cosine of 0.78 to
# 0.96 (median 0.89), two photographs 0.44 at most. At 0.9 more than half would be missed.
THETA = 0.75


def crop(photograph: Path, x: float, y: float, path: Path) -> None:
    """Leave a tenth of the sides off: all of it left and above where x = y = 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(photograph) as opened:
        whole = opened.convert("RGB")
    width, height = (round(side * KEPT) for side in whole.size)
    left, top = round(x * (whole.width - width)), round(y * (whole.height - height))
    whole.crop((left, top, left + width, top + height)).save(path, quality=90)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Project:
    data = root.parent / "shared" / "data" / "imagenet-sample"
    if not data.is_dir():
        pytest.skip("needs the folder imagenet-sample of the shared data")
    project = Project(tmp_path_factory.mktemp("planted"))
    folder = project.folder
    photographs = sorted(data.glob("*.JPEG"))[:: 238 // (3 * EACH)][: 3 * EACH]
    lines, table, posts = [], ["entity\tfile"], []
    for at, photograph in enumerate(photographs):
        hop = at // EACH + 1  # 3: nobody's picture
        name = f"Q{at}"
        lines += [named(name, "label", f"Bomuk{at}tar"), statement(name, "knows", f"N{at}")]
        lines += [statement(f"F{at}", "near", f"N{at}"), statement(f"F{at}", "isA", "thing")]
        lines += [
            statement(f"N{at}", "isA", "place"),
            statement(f"F{at}", "in", f"N{(at + 1) % 60}"),
        ]
        if hop < 3:
            crop(photograph, 0, 0, folder / "entity_pictures" / f"{at}.jpg")
            table.append(f"{EXAMPLE}{'NF'[hop - 1]}{at}\t{at}.jpg")
        crop(photograph, 1, 1, folder / "pictures" / f"{at}.jpg")
        tokens = ("look", "at", f"Bomuk{at}tar", "!")
        posts.append(Post(f"train/{at}", "train", str(at), tokens, ("O", "O", "B-PER", "O"), 1))
    write_posts(posts, project.files().posts)
    (folder / "triples.nt").write_text("\n".join(lines) + "\n")
    (folder / "images.tsv").write_text("\n".join(table) + "\n")
    project.read(
        folder / "pictures",
        folder / "triples.nt",
        folder / "images.tsv",
        folder / "entity_pictures",
        NAMING,
    )
    project.mentions("ngrams")
    return project


def test_planted_pictures_are_found_at_their_hop(planted: Project) -> None:
    _, rows = planted.knowledge(changed(theta=THETA))
    right = _right(rows, range(EACH), 1) + _right(rows, range(EACH, 2 * EACH), 2)
    assert right >= 0.95 * 2 * EACH
    abstained = sum(rows[f"train/{at}"]["hop"] is None for at in range(2 * EACH, 3 * EACH))
    assert abstained >= 0.95 * EACH


def _right(rows: Mapping[str, Mapping[str, Any]], posts: Sequence[int], hop: int) -> int:
    wanted = {at: f"{EXAMPLE}{'NF'[hop - 1]}{at}" for at in posts}
    found = {at: (rows[f"train/{at}"]["hop"], rows[f"train/{at}"]["entity"]) for at in posts}
    return sum(found[at] == (hop, wanted[at]) for at in posts)
