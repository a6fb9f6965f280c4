"""The report at full size: Twitter2015's 3,257 posts of test, eight systems, a picture for each.

The posts and labels are real; what eight systems say of them, where they look and what pictures
they see is made by chance, in the form of the real caches (`benchmarks.reported`). Measured are
the stage's time, the page without its thumbnails, and in Chromium the time from the opening of a
link to a post until its card is drawn, and the longest from a filter's change to the first card.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from playwright.sync_api import Page

from benchmarks.browser import chromium
from benchmarks.reported import Project, files_in
from pipeline.corpus.conll import Fault, read_conll
from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.report.report import write_report

DATA = Path("../shared/data/twitter2015")
LABELS = ("O", *(f"{place}-{kind}" for place in "BI" for kind in ("PER", "LOC", "ORG", "OTHER")))
FILTERS = (
    {"right": "trimod", "wrong": "cwi"},
    {"type": "ORG"},
    {"entities": "unseen"},
    {"text": "a"},
)
# Sets the fields of a filter, and tells the time until the first post that passes it is drawn.
FILTER = """async (values) => {
  const form = document.getElementById("filters");
  form.scrollIntoView();
  form.reset();
  await new Promise((done) => setTimeout(done, 500));
  const begin = performance.now();
  for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
  form.dispatchEvent(new Event("input", { bubbles: true }));
  do await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  while (!document.querySelector(".card").classList.contains("drawn"));
  return performance.now() - begin;
}"""


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=DATA, show_default=True)
@click.option("--seeds", default=1, show_default=True, help="Number of seeds of each system.")
@click.option("--page", "kept", type=click.Path(path_type=Path), help="Keep the page there.")
def main(data: Path, seeds: int, kept: Path | None) -> dict[str, object]:
    """Build the report of Twitter2015 with eight systems, and open it."""
    posts = [post for split in ("train", "dev", "test") for post in _read(data, split)]
    with tempfile.TemporaryDirectory() as temporary:
        files = files_in(Path(temporary))
        Project(files, posts, np.random.default_rng(0)).write(range(1, seeds + 1))
        begin = time.perf_counter()
        click.echo(write_report(files, "test"))
        built = time.perf_counter() - begin
        size = files.page.stat().st_size
        pictures = sum(path.stat().st_size for path in files.thumbnails.iterdir()) * 4 / 3
        if kept is not None:
            kept.write_bytes(files.page.read_bytes())
        with chromium() as browser:
            views = [_first_view(browser.new_page(), files.page) for _ in range(3)]
            page = browser.new_page()
            _first_view(page, files.page)
            page.wait_for_load_state("load")
            filtered = [page.evaluate(FILTER, values) for values in FILTERS]
    return {
        "build_s": round(built, 1),
        "mb": round((size - pictures) / 1e6, 1),
        "mb_with_thumbnails": round(size / 1e6, 1),
        "first_view_ms": round(statistics.median(views)),
        "filter_ms": round(max(filtered)),
    }


def _first_view(page: Page, path: Path) -> float:
    """Milliseconds until the first post's card is drawn."""
    begin = time.perf_counter()
    page.goto(path.resolve().as_uri() + "#post=test/0", wait_until="commit")
    page.wait_for_selector(".card.drawn")
    return 1000 * (time.perf_counter() - begin)


def _read(data: Path, split: str) -> list[Post]:
    path = data / f"{split}.txt"
    if not path.exists():
        raise PipelineError(f"{path}: needs Twitter2015 there")
    rows = list(read_conll(path, split, dict(zip(LABELS, LABELS, strict=True))))
    faults = [row for row in rows if isinstance(row, Fault)]
    if faults:
        raise PipelineError(f"{path}: {len(faults)} faults; the first: {faults[0]}")
    return [row for row in rows if isinstance(row, Post)]
