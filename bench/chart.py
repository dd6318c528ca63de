"""The rows as bars: ours above the peer's, each pair on a scale of its own, with a mark where the bound lies."""

from collections.abc import Sequence
from xml.etree import ElementTree

from bench.row import Row, figure

_WIDTH, _MARGIN, _LABEL_WIDTH, _BAR_WIDTH = 1160, 16, 480, 320
_TOP, _BAR_HEIGHT, _ROW_HEIGHT = 88, 11, 34
_OURS, _MISSED, _PEER, _BOUND, _TEXT, _FAINT = "#1f6f8b", "#b3492c", "#b4bcc2", "#111111", "#222222", "#666666"


def draw(rows: Sequence[Row], machine: str) -> str:
    """Return an SVG document. Rows that stand beside nothing, no peer and no bound, are left to the table."""
    shown = [row for row in rows if row.bound is not None or row.peer is not None]
    height = _TOP + _ROW_HEIGHT * len(shown) + _MARGIN
    chart = ElementTree.Element(
        "svg",
        {"font-family": "system-ui, sans-serif", "font-size": "12"},
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {height}",
    )
    _bar(chart, 0, 0, _WIDTH, height, "#ffffff")
    _text(chart, _MARGIN, 22, "Ours above the peer's; the mark is the bound", _TEXT)
    for number, line in enumerate(machine.splitlines()):
        _text(chart, _MARGIN, 40 + 15 * number, line, _FAINT)
    for number, row in enumerate(shown):
        _add_row(chart, row, _TOP + _ROW_HEIGHT * number)
    ElementTree.indent(chart)
    return ElementTree.tostring(chart, encoding="unicode") + "\n"


def _add_row(chart: ElementTree.Element, row: Row, top: int) -> None:
    left, middle = _MARGIN + _LABEL_WIDTH, top + _BAR_HEIGHT
    longest = max(row.ours, row.peer or 0.0, row.bound or 0.0) or 1.0
    _text(chart, left - 10, middle + 4, row.what, _TEXT, anchor="end")
    _bar(chart, left, top, _BAR_WIDTH * row.ours / longest, _BAR_HEIGHT, _MISSED if row.met is False else _OURS)
    _text(chart, left + _BAR_WIDTH + 12, top + 10, f"{figure(row.ours)} {row.unit}", _TEXT)
    if row.peer is not None:
        _bar(chart, left, middle, _BAR_WIDTH * row.peer / longest, _BAR_HEIGHT, _PEER)
        _text(chart, left + _BAR_WIDTH + 12, middle + 11, f"{figure(row.peer)}, {row.peer_name}", _FAINT)
    if row.bound is not None:
        _bar(chart, left + _BAR_WIDTH * row.bound / longest - 1, top - 3, 2, 2 * _BAR_HEIGHT + 6, _BOUND)


def _bar(chart: ElementTree.Element, x: float, y: float, width: float, height: float, colour: str) -> None:
    sizes = {"x": x, "y": y, "width": width, "height": height}
    ElementTree.SubElement(chart, "rect", {name: f"{size:g}" for name, size in sizes.items()}, fill=colour)


def _text(chart: ElementTree.Element, x: float, y: float, text: str, colour: str, anchor: str = "start") -> None:
    place = {"x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor}
    ElementTree.SubElement(chart, "text", place, fill=colour).text = text
