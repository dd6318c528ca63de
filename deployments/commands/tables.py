"""Tables for people, JSON for programs."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Row = Mapping[str, Any]
_ZONE = datetime.now().astimezone().tzinfo
_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
Found = TypeVar("Found")


def moment(text: str) -> datetime:
    """Return the time that an option names: ISO 8601, of this machine's zone where it names none, or how long ago."""
    try:
        if ago := _AGO.fullmatch(text):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text}: neither a time, as 2026-03-01T22:00, nor how long ago, as 2h") from error


def print_rows(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows, under their `columns`; as JSON an array of objects with everything that they hold."""
    if as_json:
        typer.echo(_json(rows))
        return
    lines = [[_head(column, rows) for column in columns]]
    lines += [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_object(row: Row, *, as_json: bool) -> None:
    """Print one object, a line for each field; as JSON as it is."""
    if as_json:
        typer.echo(_json(row))
        return
    width = max(map(len, row))
    for name, value in row.items():
        zone = f" {_zone()}" if isinstance(value, datetime) else ""
        typer.echo(f"{name.replace('_', ' ').ljust(width)}  {_cell(value)}{zone}".rstrip())


def print_more(shown: int, total: int | None, more: str | None) -> None:
    """Say below a list how many there are in all, where that is known, and by which option the others are seen."""
    of_all = f"{shown} of {total}" if total is not None and total != shown else f"{shown or 'none'}"
    typer.echo(f"{of_all}; more: {more}" if more else of_all, err=True)


def _head(column: str, rows: Sequence[Row]) -> str:
    """The name of a column; where it holds times, with their zone."""
    name = column.upper().replace("_", " ")
    return f"{name} ({_zone()})" if any(isinstance(row.get(column), datetime) for row in rows) else name


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(_ZONE):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _zone() -> str:
    """For all times of a table one offset, that of now: an hour of autumn would stand there twice else."""
    return f"{datetime.now(_ZONE):%Z}"


def _json(value: Any) -> str:
    return json.dumps(value, default=_as_text, indent=2)


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def the_one(found: Sequence[Found], what: str, beginning: str) -> Found:
    """Return the only one whose id begins so. Raises PermanentError where there is none, or more than one."""
    from gateway.errors import PermanentError

    if len(found) != 1:
        raise PermanentError(f"{'no' if not found else 'more than one'} {what} has an id that begins with {beginning}")
    return found[0]
