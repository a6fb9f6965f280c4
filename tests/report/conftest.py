"""A small project with posts that would break a page, its report, and a browser that opens it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from benchmarks.browser import HOW, chromium
from benchmarks.reported import Project, files_in
from pipeline.corpus.posts import Post
from pipeline.report.files import ReportFiles
from pipeline.report.report import write_report

MARKUP = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
HEBREW = ("שלום", "ירושלים", "היום")
ESCAPES = "\x1b[31mred\x1b[0m"
TEXTS = {
    "train": [(("Paris", "is", "far"), "B-LOC O O")],
    "dev": [(("In", "Paris"), "O B-LOC"), (("Ann", "Lee"), "B-PER I-PER"), (("so",), "O")],
    "test": [
        (("Kobe", "Bryant", "in", "PARIS", "#GreatWall"), "B-PER I-PER O B-LOC O"),
        ((MARKUP, "</script>", "&amp;", "'\"", "Acme"), "B-OTHER O O O B-ORG"),
        (HEBREW, "O B-LOC O"),
        ((ESCAPES, "and", "nothing"), "O O O"),
        (("no", "picture", "of", "Ann"), "O O O B-PER"),
        *((("word",) * length, "B-PER" + " O" * (length - 1)) for length in range(1, 36)),
    ],
}
NO_PICTURE = "test/4"


def make_posts() -> list[Post]:
    return [
        Post(
            name,
            split,
            None if name == NO_PICTURE else f"{split}_{place:02}",
            tuple(tokens),
            tuple(labels.split()),
            place,
        )
        for split, texts in TEXTS.items()
        for place, (tokens, labels) in enumerate(texts)
        for name in [f"{split}/{place}"]
    ]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The caches and predictions, with two seeds a system."""
    root = tmp_path_factory.mktemp("project")
    made = Project(files_in(root), make_posts(), np.random.default_rng(0))
    made.write([3, 4])
    return made


@pytest.fixture(scope="session")
def files(project: Project) -> ReportFiles:
    """The same with its report written."""
    write_report(project.files, "test")
    return project.files


@pytest.fixture
def own(project: Project, tmp_path: Path) -> ReportFiles:
    """A copy of the caches and predictions that a test may change, at another place."""
    root = project.files.posts.parents[1]
    shutil.copytree(root, tmp_path / "own", ignore=shutil.ignore_patterns("report"))
    return files_in(tmp_path / "own")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if shutil.which("chromium") is None:
        pytest.skip(HOW)
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser, files: ReportFiles) -> Iterator[Page]:
    """The report, opened and ready; nothing may be said on its console while a test runs."""
    said: list[str] = []
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: said.append(request.url) if asks(request.url) else None)
    opened.goto(files.page.as_uri())
    ready(opened)
    yield opened
    opened.close()
    assert said == []


def asks(address: str) -> bool:
    """Whether a request leaves the page's own file."""
    return not address.startswith(("file:", "data:"))


def ready(page: Page) -> None:
    page.wait_for_selector("html[data-ready]")
