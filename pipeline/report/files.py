"""What the report reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ReportFiles:
    """Caches, predictions, scores and the page's look; no image folder is among them."""

    posts: Path
    images: Path  # the table of images
    thumbnails: Path  # folder: SHA256.jpg of every usable image
    tags: Path
    captions: Path
    hashtags: Path
    knowledge: Path
    graph: Path  # folder of the graph's tables, for the labels of entities and relations
    depictions: Path
    entity_images: Path
    entity_thumbnails: Path
    regions: Path  # store.json of the regions' feature store: which part of a picture they cover
    predictions: Path  # folder: SYSTEM.parquet, explanations/SYSTEM.parquet
    details: Path  # folder: SYSTEM.json
    curves: Path  # folder: SYSTEM/seed-N/plots/metrics/NAME.tsv
    web: Path  # folder: the page's template, style and scripts, which no digest of code covers
    page: Path  # written: the report
    types: Path  # written, a folder: SYSTEM.csv for `dvc plots` (`pipeline.report.tables`)
    confusion: Path  # the same
