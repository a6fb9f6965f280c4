"""The knowledge of each post as a card tells it: mention, entity, hop, triples, a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.corpus.images import read_images, usable
from pipeline.knowledge.graph.graph import ENTITIES, RELATIONS, SCHEMAS
from pipeline.knowledge.lookup.depictions import read_depictions
from pipeline.report.files import ReportFiles
from pipeline.report.pictures import Pictures
from pipeline.report.rows import read_rows
from pipeline.tables.parquet import read_table

COLUMNS = ("key", "words", "mention", "entity", "path", "hop", "similarity", "triples", "reason")
BACKWARDS = "^"  # before a relation of a path that was walked from object to subject


def read_knowledge(files: ReportFiles, pictures: Pictures) -> dict[str, dict[str, Any]]:
    """Post -> `{"reason"}` without knowledge, and more with it.

    `{"mention", "path", "hop", "similarity", "triples", "words", "picture", "reason"}`: the path
    is entity, relation, entity, ... in words; triples are `[subject, relation, object]`; `picture`
    is the number of one that shows the entity, or None.
    """
    labels = _labels(files)
    shown = _shown(files)
    found: dict[str, dict[str, Any]] = {}
    for row in read_rows(files.knowledge, "knowledge", COLUMNS):
        told: dict[str, Any] = {"reason": row["reason"]}
        if row["entity"] is not None:
            sha256 = shown.get(row["entity"])
            told |= {
                "mention": row["mention"],
                "path": [_words(name, labels) for name in row["path"]],
                "hop": row["hop"],
                "similarity": None if row["similarity"] is None else round(row["similarity"], 3),
                "triples": [[t["subject"], t["relation"], t["object"]] for t in row["triples"]],
                "words": row["words"],
                "picture": sha256 and pictures.place(sha256, files.entity_thumbnails),
            }
        found[row["key"]] = told
    return found


def _labels(files: ReportFiles) -> dict[str, str]:
    """Name -> label of the entities and relations that have one."""
    labels: dict[str, str] = {}
    for table, name in ((ENTITIES, "entity"), (RELATIONS, "relation")):
        columns = read_table(files.graph / table, SCHEMAS[table], "graph").select([name, "label"])
        named = zip(*(column.to_pylist() for column in columns), strict=True)
        labels |= {one: label for one, label in named if label}
    return labels


def _shown(files: ReportFiles) -> dict[str, str]:
    """Entity -> the sha256 of its first usable picture."""
    good = usable(read_images(files.entity_images))
    shown: dict[str, str] = {}
    for entity, image in read_depictions(files.depictions):
        if image in good:
            shown.setdefault(entity, good[image])
    return shown


def _words(name: str, labels: Mapping[str, str]) -> str:
    """A name of the graph in words: its label, or what stands behind its last `/` or `#`."""
    walked = name.removeprefix(BACKWARDS)
    last = walked.replace("#", "/").rstrip("/").rpartition("/")[2]
    sign = BACKWARDS if name.startswith(BACKWARDS) else ""
    return sign + labels.get(walked, last)
