"""Where each key of a TOML file stands. `tomllib` checks the file; this only counts lines."""

import re

Key = tuple[int | str, ...]

_TABLE = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"))*)\s*=")


def key_lines(text: str) -> dict[Key, int]:
    """Return the line, from 1, of every key and table header, e.g. {("application_entities", 0, "ae_title"): 7}."""
    lines: dict[Key, int] = {}
    table: Key = ()
    count: dict[Key, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                count[table] = count.get(table, -1) + 1
                lines.setdefault(table, number)
                table = (*table, count[table])
            lines[table] = number
        elif key := _KEY.match(line):
            lines[(*table, *_parts(key[1]))] = number
    return lines


def _parts(dotted: str) -> Key:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
