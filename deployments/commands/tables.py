"""Tables for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Row = Mapping[str, Any]
Found = TypeVar("Found")


def print_rows(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows, under their `columns`; as JSON an array of objects with everything that they hold."""
    if as_json:
        typer.echo(json.dumps(rows, default=str, indent=2))
        return
    lines = [[column.upper().replace("_", " ") for column in columns]]
    lines += [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_object(row: Row, *, as_json: bool) -> None:
    """Print one object, a line for each field; as JSON as it is."""
    if as_json:
        typer.echo(json.dumps(row, default=str, indent=2))
        return
    width = max(map(len, row))
    for name, value in row.items():
        typer.echo(f"{name.replace('_', ' ').ljust(width)}  {_cell(value)}".rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
    return str(value)


def the_one(found: Sequence[Found], what: str, beginning: str) -> Found:
    """Return the only one whose id begins so. Raises PermanentError where there is none, or more than one."""
    from gateway.errors import PermanentError

    if len(found) != 1:
        raise PermanentError(f"{'no' if not found else 'more than one'} {what} has an id that begins with {beginning}")
    return found[0]
