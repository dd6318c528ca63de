"""A working area as the place that a payload is stored from."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID


@dataclass(frozen=True, slots=True)
class AreaPlace:
    """The area at `root`. Nothing in it is made durable: what a power cut takes is fetched again."""

    root: Path

    def open(self, file: str) -> BinaryIO:
        """Open a file to read it as it came."""
        return (self.root / file).open("rb")

    def upload_mark(self, payload_id: UUID) -> Path:
        return self.root / "uploading"

    def advice(self, payload_id: UUID) -> str:
        """What an operator can do about damaged files."""
        return "a retry of the run fetches them again"
