"""Bytes that were committed and do not verify: put aside and shown, never deleted."""

from pathlib import Path

from gateway.log import Logger
from gateway.spool.area import SpoolArea

log = Logger(__name__)

UNKNOWN_PAYLOAD = "unknown"


def keep_damaged(area: SpoolArea, path: Path, payload: str, reason: str) -> None:
    """Move `path` to `damaged/<payload>/`, out of the way of everything else.

    Where the disk lets nobody do so it stays, and is found again at the next start: nothing else waits for it.
    """
    directory = area.damaged / payload
    target = directory / f"{path.parent.name}-{path.name}"
    said = log.bind(payload=payload, file=target.name, reason=reason)
    try:
        directory.mkdir(exist_ok=True)
        path.rename(target)
        area.flushing.flush_directory(directory)
        area.flushing.flush_directory(path.parent)
    except OSError as error:
        said.error("a file of the spool is damaged and can't be put aside", error=error.strerror)
    else:
        said.error("a file of the spool is damaged and was put aside")
