"""Bytes that were promised and do not verify: put aside and shown, never deleted."""

from pathlib import Path

import structlog

from gateway.spool.door import Door

log = structlog.get_logger(__name__)

UNKNOWN_PAYLOAD = "unknown"


def keep_damaged(door: Door, path: Path, payload: str, reason: str) -> None:
    """Move `path` to `damaged/<payload>/`, out of the way of everything else."""
    directory = door.damaged / payload
    directory.mkdir(exist_ok=True)
    target = directory / f"{path.parent.name}-{path.name}"
    path.rename(target)
    door.flushing.flush_directory(directory)
    door.flushing.flush_directory(path.parent)
    log.error("a file of the spool is damaged and was put aside", payload=payload, file=target.name, reason=reason)
