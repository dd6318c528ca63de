"""The key of what is kept to find payloads by: made beside SQLite by the receiver, read by whoever asks."""

from gateway.config import Settings
from gateway.credentials.key_file import KeyFile
from gateway.errors import SettingsError
from gateway.log import Logger
from gateway.lookup.digests import LookupKey

log = Logger(__name__)


def key_to_ask_with(settings: Settings) -> LookupKey:
    """Return the key for who asks: it makes none. Raises SettingsError, which says what to do, and FromNewerProgram."""
    if not settings.index.lookup:
        raise SettingsError("index.lookup is false: nothing is kept to find payloads by Accession Number or Patient ID")
    return _read(_key_file(settings))


def key_to_keep_with(settings: Settings) -> LookupKey | None:
    """Return the key for who takes data in; None where payloads are not to be found by it.

    Beside SQLite it is made where none is there and none is named. With a database that others may share, and no key,
    data is taken in all the same. Raises as `key_to_ask_with` does.
    """
    if not settings.index.lookup:
        return None
    key_file = _key_file(settings)
    if settings.index.lookup_key_file is None:
        if settings.has_local_database:
            key_file.make()
        elif not key_file.file.exists():
            return None
    return _read(key_file)


def key_to_receive_with(settings: Settings) -> LookupKey | None:
    """The same for a receiver, which says it where a key is missing."""
    key = key_to_keep_with(settings)
    if key is None and settings.index.lookup:
        log.warning(
            "payloads will not be found by Accession Number or Patient ID: there is no key",
            file=str(_key_file(settings).file),
            then="every process that shares the database needs the same one: docs/finding.md, or index.lookup",
        )
    return key


def _key_file(settings: Settings) -> KeyFile:
    named = settings.index.lookup_key_file
    return KeyFile("index.lookup_key_file", named or settings.paths.lookup_key, "docs/finding.md")


def _read(key_file: KeyFile) -> LookupKey:
    return LookupKey(key_file.read(), str(key_file))
