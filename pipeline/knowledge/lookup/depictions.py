"""The stage `index_entity_images`: which picture shows which entity, and which can be used.

The pictures stand in a table of the columns `entity` and `file`, or in a folder that has a folder
for each entity. Such a folder's name is the entity's name with every sign but letters, digits and
`_.-~` percent-encoded, or the end of that name after the last `/` or `#`, or the name with dots for
slashes as in MMKG (`m.0abc` for `/m/0abc`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import pyarrow as pa

from pipeline.corpus.image_index import inspect_folder, listed, refuse, tally
from pipeline.corpus.images import OK, Image, usable, write_images
from pipeline.corpus.listing import list_folder
from pipeline.corpus.thumbnails import keep_thumbnails, whole_folder
from pipeline.errors import PipelineError
from pipeline.files import write_json
from pipeline.knowledge.graph.faults import Faults
from pipeline.knowledge.graph.graph import ENTITIES, SCHEMAS
from pipeline.knowledge.graph.lines import table_rows
from pipeline.params.index_images import IndexImages
from pipeline.params.runtime import Runtime
from pipeline.tables.parquet import read_table, write_table

HEADER = ["entity", "file"]
SCHEMA = pa.schema(
    [
        pa.field("entity", pa.string(), nullable=False),
        pa.field("image", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Report:
    """The findings; `str(report)` is for the terminal."""

    images: Sequence[Image]  # the pictures of all entities
    entities: int
    depicted: int  # entities with a usable picture
    unknown: Faults  # pictures of things that are no entity of the graph

    def __str__(self) -> str:
        unusable = [image for image in self.images if image.status != OK]
        lines = [
            f"{len(self.images)} entity images: {tally(self.images)}",
            f"{self.depicted} of {self.entities} entities have a usable one,"
            f" {self.unknown.count} lines are broken or of unknown entities",
            *listed(unusable),
            *([str(self.unknown)] if self.unknown.count else []),
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Files:
    """The files that the stage reads and writes."""

    graph: Path  # the folder of the graph's tables
    table: Path  # lists entities and files; or it is `folder`, if that has a folder an entity
    folder: Path  # holds the pictures
    images: Path  # written: a table like that of a corpus's images (`pipeline.corpus.images`)
    thumbnails: Path  # written: the folder of the pictures' thumbnails
    depictions: Path  # written: entities and their pictures
    metrics: Path  # written: counts, as JSON


def index_entity_images(params: IndexImages, runtime: Runtime, files: Files) -> Report:
    """Look at every entity's pictures.

    Args:
        params: which pictures can be used, as for posts' images.
        runtime: the threads that decode, and how progress is shown.
        files: read and written.

    Raises:
        PipelineError: for a folder without images, a table without its header, no picture of any
            entity, or bad images where they are to be errors.
    """
    graph, source, folder = files.graph, files.table, files.folder
    entities = read_table(graph / ENTITIES, SCHEMAS[ENTITIES], "graph")["entity"].to_pylist()
    faults = Faults()
    pairs = _of_folders(folder, entities, faults) if source.is_dir() else _of_table(source, faults)
    known = frozenset(entities)
    shown: dict[tuple[str, str], None] = {}
    for line, entity, image in pairs:
        if entity in known:
            shown[entity, image] = None
        else:
            faults.add(source, line, f"{entity}: no entity of the graph")
    if not shown:
        raise PipelineError(f"{source}: shows no entity of {graph}\n{faults}".rstrip())
    named = {image for _, image in shown}
    with whole_folder(files.thumbnails) as drawn:
        rows, _ = inspect_folder(folder, named, "graph.images", params.max_pixels, runtime, drawn)
        rows = [row for row in rows if row.image in named]
        good = usable(rows)
        keep_thumbnails(good.values(), drawn)
        if params.on_bad_image == "error":
            refuse([row for row in rows if row.status != OK])
    depicted = {entity for entity, image in shown if image in good}
    report = Report(rows, len(entities), len(depicted), faults)
    write_images(rows, files.images)
    columns = [list(column) for column in zip(*sorted(shown), strict=True)]
    write_table(pa.table(columns, SCHEMA), files.depictions)
    write_json(
        files.metrics,
        {
            "images": {"all": len(rows), "usable": len(good)},
            "entities": {"all": len(entities), "depicted": len(depicted)},
            "broken_or_unknown": faults.count,
        },
    )
    return report


def read_depictions(path: Path) -> list[tuple[str, str]]:
    """Entity and image id of each picture, in their order."""
    columns = read_table(path, SCHEMA, "index_entity_images").to_pydict()
    return list(zip(columns["entity"], columns["image"], strict=True))


def _of_table(path: Path, faults: Faults) -> Iterator[tuple[int, str, str]]:
    """Line, entity and file of each row."""
    rows = table_rows(path, len(HEADER), faults)
    _, header = next(rows, (0, []))
    if header != HEADER:
        raise PipelineError(f"{path}: its first line must be {'<TAB>'.join(HEADER)}, not {header}")
    yield from ((line, entity, file) for line, (entity, file) in rows)


def _of_folders(
    folder: Path, entities: Iterable[str], faults: Faults
) -> Iterator[tuple[int, str, str]]:
    """0, entity and path of each image below the folder of an entity."""
    owners: dict[str, set[str]] = {}
    for entity in entities:
        last = entity.replace("#", "/").rstrip("/").rpartition("/")[2]
        for name in {quote(entity, safe=""), last, entity.strip("/").replace("/", ".")}:
            owners.setdefault(name, set()).add(entity)
    for path in list_folder(folder).images:
        name = PurePosixPath(path).parts[0]
        found = sorted(owners.get(name, ()))
        if len(found) == 1:
            yield 0, found[0], path
        else:
            means = f"{len(found)} entities" if found else "no entity of the graph"
            faults.add(folder / path, 0, f"the folder {name} means {means}")
