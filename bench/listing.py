"""The files that a sender in a process of its own is to send: a path in each line."""

from collections.abc import Iterable
from pathlib import Path

from bench.scene import Scene


def write_listing(scene: Scene, files: Iterable[Path]) -> Path:
    """Name the files; of a scene the last list is kept."""
    listing = scene.work / "listing"
    listing.write_text("\n".join(map(str, files)), encoding="utf-8")
    return listing


def read_listing(listing: str) -> list[Path]:
    """Return the files that it names."""
    return [Path(line) for line in Path(listing).read_text(encoding="utf-8").splitlines()]
