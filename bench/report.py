"""What the measurements found, as a table in Markdown, as JSON, and as a chart."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.chart import draw
from bench.row import Row, figure

_HEAD = (
    "| what | unit | ours | peer | ratio | bound | met | CPU ms each | peak MB | note |",
    "| --- | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | --- |",
)


def markdown(rows: Iterable[Row]) -> str:
    """Return a table; costs as `ours / peer's`."""
    return "\n".join([*_HEAD, *map(_line, rows)])


def write(rows: Sequence[Row], machine: str, directory: Path) -> list[Path]:
    """Write `bench.json`, a list of rows, and `bench.svg`; return both."""
    directory.mkdir(parents=True, exist_ok=True)
    table, chart = directory / "bench.json", directory / "bench.svg"
    table.write_text(json.dumps([row.as_json() for row in rows], indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    chart.write_text(draw(rows, machine), encoding="utf-8")
    return [table, chart]


def _line(row: Row) -> str:
    peer = f"{_told(row.peer)} ({row.peer_name})" if row.peer is not None else ""
    ratio = f"{_told(row.ratio)} ×" if row.ratio is not None else ""
    cells = (
        row.what,
        row.unit,
        _told(row.ours),
        peer,
        ratio,
        bound_text(row),
        {True: "yes", False: "**no**", None: ""}[row.met],
        _both(row.cpu_ms, row.peer_cpu_ms),
        _both(row.peak_mb, row.peer_peak_mb),
        row.note,
    )
    return f"| {' | '.join(cells)} |"


def bound_text(row: Row) -> str:
    """The bound as it stands in the table: of the ratio where there is one, else of the figure."""
    sign, bound = ("≥", row.at_least) if row.at_least is not None else ("≤", row.at_most)
    if bound is None:
        return ""
    return f"{sign} {figure(bound)} {'×' if row.ratio is not None else row.unit}"


def _both(ours: float | None, peer: float | None) -> str:
    return _told(ours) if peer is None else f"{_told(ours)} / {_told(peer)}"


def _told(number: float | None) -> str:
    return "" if number is None else figure(number)
