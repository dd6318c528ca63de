"""Databases with nothing in them, of this program's schema."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.database import check_database, open_database


def empty_database(file: Path) -> str:
    """Put one there, and return its URL: a copy, since each that is made from nothing goes through every revision."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_content())
    return f"sqlite:///{file}"


@cache
def _content() -> bytes:
    with TemporaryDirectory() as directory:
        file = Path(directory) / "gateway.db"
        engine = open_database(f"sqlite:///{file}")
        check_database(engine)
        engine.dispose()
        assert [path.name for path in Path(directory).iterdir()] == [file.name], "all of it is in one file"
        return file.read_bytes()
