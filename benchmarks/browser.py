"""A headless Chromium for the report's tests and its benchmark: Debian's, led by playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from pipeline.errors import PipelineError

HOW = "needs Chromium: `apt-get install chromium`"
# Nothing but the page: no sandbox (which containers forbid), no services that ask the network.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
    "--no-first-run",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of its own, closed at the end.

    Raises:
        PipelineError: if there is none on this machine.
    """
    program = shutil.which("chromium")
    if program is None:
        raise PipelineError(HOW)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()
