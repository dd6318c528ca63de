"""Where payloads are stored: a local directory, or an S3 service.

Both keep one contract, and one suite of tests holds them to it:

- What `put` returned for is stored whole and verified, and durable as far as the store can promise that.
- `put` is all or nothing, and may be repeated.
- A key is a relative path. One that would lead out of the bucket is refused.
- One store serves several threads at once, with one part (32 MiB) in memory for each, whatever an object's size.
- What goes wrong is a StoreUnavailable, CorruptedInTransit or NoRoom (try again), or a StoreRefused, NoSuchObject or
  Damaged (somebody has to act first). Nothing here tries again by itself.
"""

from gateway.config import LocalStoreSettings, Settings
from gateway.object_store.local import LocalObjectStore
from gateway.object_store.port import ObjectStore, StoredObject, Upload

__all__ = ["ObjectStore", "StoredObject", "Upload", "open_object_store"]


def open_object_store(settings: Settings) -> ObjectStore:
    """The object store that the settings name. Nothing is asked of it yet."""
    store = settings.object_store
    if isinstance(store, LocalStoreSettings):
        return LocalObjectStore(store.path or settings.paths.objects, store.bucket)
    from gateway.object_store.s3 import S3ObjectStore

    return S3ObjectStore(store)
