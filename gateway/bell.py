"""The dispatcher of a node is told at once of what is recorded here. Without that its next look finds it."""

from contextlib import suppress
from pathlib import Path

from gateway.config import Settings


def bell_directory(settings: Settings, of: str) -> Path:
    """What to watch for what is recorded `of` a kind, e.g. exports."""
    return settings.data_dir / "run" / "bells" / of


def ring(directory: Path) -> None:
    """Have whoever watches look. What is recorded stays so: a bell that can't be rung is no error."""
    with suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "last").touch()
