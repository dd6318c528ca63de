"""The states of each kind of work as diagrams, made from its table of transitions.

`python -m tests.docs.diagrams` writes them into docs/architecture.md.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from gateway.exports.tables import WORK as EXPORTS
from gateway.inference.row import WORK as REQUESTS
from gateway.payloads.rows import WORK as PAYLOADS
from gateway.work.rows import WorkTable

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
KINDS = {"payload": PAYLOADS, "request": REQUESTS, "export": EXPORTS}


def diagram(work: WorkTable) -> str:
    """Return a kind's table as a Mermaid state diagram."""
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"    {line}" for line in _lines(work)), "```"])


def drawn(page: str, kind: str) -> str:
    """Return the diagram of a kind that stands on the page."""
    found = re.search(_block(kind), page, re.DOTALL)
    assert found, f"docs/architecture.md has no place for the states of a {kind}"
    return found[2].strip()


def redrawn(page: str) -> str:
    """Return the page with every diagram as the tables have it."""
    for kind, work in KINDS.items():
        found = re.search(_block(kind), page, re.DOTALL)
        if found:
            page = f"{page[: found.start(2)]}\n{diagram(work)}\n{page[found.end(2) :]}"
    return page


def _lines(work: WorkTable) -> Iterator[str]:
    table = work.transitions
    yield f"[*] --> {table.initial}"
    for row in table.rows:
        for origin in (state for state in table.states if state in row.origins):
            yield f"{origin} --> {row.target}: {row.event}"
    for end in (state for state in table.states if state in table.ends):
        yield f"{end} --> [*]"


def _block(kind: str) -> str:
    return rf"(<!-- states of {kind} -->)(.*?)(<!-- end -->)"


if __name__ == "__main__":
    PAGE.write_text(redrawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
