"""Files from the object store to the working area, several at a time, streamed."""

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from gateway.disk.durable import Durability
from gateway.errors import Damaged, NoRoom, NoSuchObject, StoreRefused
from gateway.exports.states import FileStatus
from gateway.object_store import ObjectStore, StoredObject
from gateway.object_store.key import checked

_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Unfit:
    """A file that can't be sent anywhere."""

    status: FileStatus
    reason: str


_NO_KEY = Unfit(FileStatus.DOWNLOAD_ERROR, "its path is no object key")
_MISSING = Unfit(FileStatus.DOWNLOAD_ERROR, "the object store does not have it")


def looked_up(store: ObjectStore, key: str) -> StoredObject | Unfit:
    """Return what a fetch would find, without fetching it. Raises what the store raises that is not about one file."""
    try:
        checked(key)
    except StoreRefused:
        return _NO_KEY
    return store.stat(key) or _MISSING


def file_in(area: Path, number: int) -> Path:
    """Where file `number` of an export lies."""
    return area / str(number)


def fetch_files(
    store: ObjectStore, wanted: Mapping[int, str], area: Path, reserve_bytes: int, unfit: Callable[[int, Unfit], None]
) -> None:
    """Fetch files, given as number → object key, that are not there yet; `unfit` gets those that can't be sent.

    Raises what the store raises that is not about one file, and NoRoom: what is fetched by then stays.
    """
    missing = {number: key for number, key in wanted.items() if not file_in(area, number).exists()}
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        fetches = {
            threads.submit(_fetch, store, key, file_in(area, number), reserve_bytes): number
            for number, key in missing.items()
        }
        try:
            for fetch in as_completed(fetches):
                if found := fetch.result():
                    unfit(fetches[fetch], found)
        finally:
            threads.shutdown(cancel_futures=True)


def _fetch(store: ObjectStore, key: str, to: Path, reserve_bytes: int) -> Unfit | None:
    try:
        checked(key)
    except StoreRefused:
        return _NO_KEY
    if shutil.disk_usage(to.parent).free < reserve_bytes:
        raise NoRoom(f"less than {reserve_bytes // 1_000_000} MB are free in {to.parent}, which are kept for senders")
    try:
        store.fetch(key, to, Durability.OS)  # what a power cut takes is fetched again
    except NoSuchObject:
        return _MISSING
    except Damaged:
        return Unfit(FileStatus.DOWNLOAD_ERROR, "what the object store has is damaged")
    return None
