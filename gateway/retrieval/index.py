"""What is whole in a working area: a line for each file, written when its last byte was.

A line proves itself by a checksum, so that one that was torn by a crash is no line. Nothing is flushed: the end of a
process takes nothing away, and after a power cut the files are compared with what stands here. Nobody was promised
anything: what is missing then is fetched again.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from crc32c import crc32c

from gateway.disk.durable import Durability, write_whole
from gateway.retrieval.fetched import FETCHED, Fetched

_CHECK_CHARACTERS = 8


def read_index(file: Path) -> Iterator[Fetched]:
    """Yield what the lines say that verify, in order; nothing where there is no index yet."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return
    for line in content.split(b"\n"):
        check, entry = line[:_CHECK_CHARACTERS], line[_CHECK_CHARACTERS + 1 :]
        if check == _check(entry):
            yield FETCHED.validate_json(entry)


def write_index(file: Path, entries: Iterable[Fetched]) -> None:
    """Replace the index, so that the next line follows a whole one."""
    write_whole(file, b"".join(map(_line, entries)), Durability.OS)


class IndexWriter:
    """Appends lines."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def add(self, entry: Fetched) -> None:
        line = _line(entry)
        if os.write(self._descriptor, line) != len(line):
            raise OSError("the index was written in part")

    def close(self) -> None:
        os.close(self._descriptor)


def _line(entry: Fetched) -> bytes:
    content = FETCHED.dump_json(entry)
    return _check(content) + b" " + content + b"\n"


def _check(content: bytes) -> bytes:
    return b"%0*x" % (_CHECK_CHARACTERS, crc32c(content))
