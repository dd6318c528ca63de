"""Pictures of what people see, taken by the tests that look at it.

Each run takes them into test-output/. With RENEW_PICTURES=1, as by `make pictures`, those that the docs show are put
there as well.
"""

import os
import re
import shutil
import socket
from pathlib import Path

from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
SHOWN = ROOT / "docs" / "pictures"
_TAKEN = ROOT / "test-output"

_RENAME = """([from, to]) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(from, to);
}"""
"""No picture tells the name of the machine that it was taken on."""


def picture(page: Page, name: str) -> None:
    """Take a picture of what is seen of a page."""
    _TAKEN.mkdir(exist_ok=True)
    taken = _TAKEN / f"{name}.png"
    page.evaluate(_RENAME, [f" on {socket.gethostname()}", " on ct-gate"])
    page.screenshot(path=taken)
    if os.environ.get("RENEW_PICTURES") and name in names_shown():
        shutil.copy(taken, SHOWN)


def names_shown() -> set[str]:
    """The names of the pictures that README and docs show."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    return {name for page in pages for name in re.findall(r"\]\((?:docs/)?pictures/([\w-]+)\.png\)", page.read_text())}


def names_taken() -> set[str]:
    """The names of those that the tests take."""
    tests = (path.read_text() for path in (ROOT / "tests" / "site").glob("test_*.py"))
    return {name for test in tests for name in re.findall(r'^ +picture\(page, "([\w-]+)"\)$', test, re.MULTILINE)}
