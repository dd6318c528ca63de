"""Object keys: relative paths that mean the same in a directory and in a bucket."""

from gateway.errors import StoreRefused

_MAX_KEY_BYTES = 1024  # of S3
_MAX_PART_BYTES = 240  # a file's name has 255, and the local store adds to it


def checked(key: str) -> str:
    """Return `key`. Raises StoreRefused if it could lead out of its bucket, or be read in two ways."""
    if not (key.isprintable() and len(key.encode()) <= _MAX_KEY_BYTES and all(map(_is_name, key.split("/")))):
        raise StoreRefused(f"the object store takes no object under the key {key[:200]!r}")
    return key


def begins_keys(prefix: str) -> bool:
    """Whether there can be keys that begin with `prefix`."""
    return prefix.isprintable() and all(map(_is_name, prefix.split("/")[:-1]))


def _is_name(part: str) -> bool:
    return part not in {"", ".", ".."} and "\\" not in part and len(part.encode()) <= _MAX_PART_BYTES
