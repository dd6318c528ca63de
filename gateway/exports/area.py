"""Where a run keeps the files between the object store and their destinations: its own, and gone when it ends.

What a run leaves that was killed is removed by the next on this node: nobody holds its lock any more.
"""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from uuid import UUID

from gateway.disk.lock_file import is_locked, locked
from gateway.errors import AreaBusy


@contextmanager
def working_area(root: Path, export_id: UUID, epoch: int) -> Iterator[Path]:
    """An empty directory for one run of an export."""
    root.mkdir(parents=True, exist_ok=True)
    remove_left_areas(root)
    area, lock = root / f"{export_id}.{epoch}", root / f"{export_id}.{epoch}.lock"
    with _locked(lock):
        try:
            area.mkdir(exist_ok=True)
            yield area
        finally:
            _remove(area, lock)


def remove_left_areas(root: Path) -> None:
    """Remove the areas in which no process works."""
    for lock in root.glob("*.lock"):
        if not is_locked(lock):
            with suppress(AreaBusy), _locked(lock):
                _remove(lock.with_suffix(""), lock)


def _locked(lock: Path) -> AbstractContextManager[None]:
    export = lock.stem.partition(".")[0]
    return locked(lock, "export", lambda holder: AreaBusy(f"{holder} works on export {export} on this node"))


def _remove(area: Path, lock: Path) -> None:
    shutil.rmtree(area, ignore_errors=True)
    lock.unlink(missing_ok=True)
