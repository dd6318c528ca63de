"""The dispatcher of a node is told at once of what is recorded here. Without that its next look finds it."""

from contextlib import suppress
from pathlib import Path

from gateway.config import Settings


def bell_directory(settings: Settings) -> Path:
    """What to watch."""
    return settings.data_dir / "run" / "bells"


def ring(directory: Path) -> None:
    """Have whoever watches look. A bell that can't be rung is no error."""
    with suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "exports").touch()
