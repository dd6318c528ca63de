"""Chromium: the dashboard as an operator sees it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, expect, sync_playwright

from tests.peers.components import CHROMIUM

_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()

_PATIENCE_MILLISECONDS = 60_000  # the dashboard asks again now and then


@contextmanager
def running(directory: Path, *, width: int = 1280, height: int = 900) -> Iterator[BrowserContext]:
    """A browser without a past, whose profile is in `directory`: `.new_page()` opens a page.

    While it runs, its thread counts as one with a running event loop: `asyncio.run` is refused there. So keep it to
    the one test that looks at a page.
    """
    directory.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=_PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            directory / "profile",
            executable_path=CHROMIUM.file("chromium"),
            args=_FLAGS,
            env={"HOME": str(directory), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            viewport={"width": width, "height": height},
        )
        try:
            yield browser
        finally:
            browser.close()
