"""The four faces on which the gateway answers a question, each read in its own way and told in the same words.

A word is what a table of the command line shows: `told` makes it of a value in JSON, and a cell of the page is one.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from typing import Any, TypeVar

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.deployments.commands.mig import ZONE, MigHere
from tests.listeners.page.test_page import token_on
from tests.waiting import wait_until

_Seen = TypeVar("_Seen")
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Faces:
    """Of one gateway: its command line with text and JSON, its HTTP API, its page."""

    mig: MigHere
    http: httpx.Client

    def post(self, path: str, body: bytes) -> httpx.Response:
        """Ask for something over HTTP, in JSON that is made already."""
        answer = self.http.post(path, content=body, headers={"Content-Type": "application/json"})
        return answer.raise_for_status()

    def page(self, path: str) -> "Page":
        return Page(self.http.get(path).raise_for_status().text)

    def press(self, path: str, button: str, **fields: str) -> "Page":
        """Press a button on the page at `path`; return the page that is shown then."""
        form = {"token": token_on(self.http.get(path).text), **fields}
        return Page(self.http.post(button, data=form, follow_redirects=True).raise_for_status().text)

    def metrics(self) -> dict[tuple[str, ...], float]:
        """Each figure by its name and the values of its labels, in the order of the labels' names."""
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(self.http.get("/metrics").text)
            for sample in family.samples
        }


class Page(HTMLParser):
    """What stands on a page: its text, its tables, and what its lists of terms say."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.terms: list[list[str]] = []  # each with what is said of it
        self.html = html
        self._into: list[str] | None = None  # whose last is being read
        self.feed(html)
        self.close()

    def rows(self, *columns: str) -> list[Row]:
        """The rows of the table that has these columns."""
        heads = ((table[0], table[1:]) for table in self.tables)
        head, rows = next((head, rows) for head, rows in heads if set(columns) <= set(head))
        return [dict(zip(head, row, strict=False)) for row in rows if len(row) > 1]

    @property
    def fields(self) -> Row:
        return {name.strip(): " ".join(said.split()) for name, said in self.terms}

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"th", "td"}:
            self._into = self.tables[-1][-1]
            self._into.append("")
        elif tag == "dt":
            self._into = [""]
            self.terms.append(self._into)
        elif tag == "dd" and self._into is not None:
            self._into.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"table", "dl"}:
            self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[-1] += data.rstrip("\n")


def told(value: object) -> str:
    """A value of JSON, as a table shows it."""
    moment = plain(value)
    if isinstance(moment, datetime):
        return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def plain(value: Any) -> Any:
    """JSON in which times are times: they are written in more than one way."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        return datetime.fromisoformat(value)
    return value


def text_rows(table: str) -> list[Row]:
    """The rows of a table that a command prints, under the names that its columns have in JSON."""
    head, *lines = table.splitlines()
    columns = list(re.finditer(r"\S+(?: \S+)*", head))
    begins = [column.start() for column in columns]
    names = [re.sub(r" \(.*\)$", "", column[0]).lower().replace(" ", "_") for column in columns]
    ends = [*begins[1:], None]
    return [
        {name: line[begin:end].strip() for name, begin, end in zip(names, begins, ends, strict=True)} for line in lines
    ]


def text_fields(output: str) -> Row:
    """What a command says of one thing, before its tables."""
    lines = output.partition("\n\n")[0].splitlines()
    pairs = (re.match(r"(\S+(?: \S+)*)(?: {2,}(.*))?$", line) for line in lines)
    return {pair[1].replace(" ", "_"): (pair[2] or "").removesuffix(f" {ZONE}") for pair in pairs if pair}


def assert_told(shown: Row, row: Mapping[str, Any], *others: str) -> None:
    """Each word that is shown is that of the row in JSON, but for these `others`, which are put together."""
    assert {name: word for name, word in shown.items() if name not in others} == {
        name: told(row[name]) for name in shown if name not in others
    }


def assert_rows_told(table: str, rows: Sequence[Mapping[str, Any]], *others: str) -> None:
    """The same of each row of a table that a command prints."""
    shown = text_rows(table)
    assert len(shown) == len(rows)
    for each, row in zip(shown, rows, strict=True):
        assert_told(each, row, *others)


def agreed(ask: Callable[[], Any], look: Callable[[Any], _Seen]) -> _Seen:
    """Return what `look` does as soon as it finds nothing amiss with the answer that a program is given.

    The gateway goes on while its faces are looked at one after the other, and an answer of some may be seconds old.
    """
    amiss: list[AssertionError] = []

    def seen() -> list[_Seen]:
        try:
            return [look(plain(ask()))]
        except AssertionError as error:
            amiss.append(error)
            return []

    try:
        return wait_until(seen, 30, "the faces to agree")[0]
    except TimeoutError as error:
        raise amiss[-1] from error
