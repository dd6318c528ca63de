"""Credentials at rest: encrypted with a key that lies in a file of its own, not in the database.

The key file holds Fernet keys, one a line. The first encrypts, all decrypt: to rotate, put a new one on top, encrypt
anew what is kept (`renew`), and take the old one away. docs/inference.md says it at length.
"""

from collections.abc import Mapping, Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import TypeAdapter

from gateway.config import Settings
from gateway.credentials.authorization import Authorization
from gateway.credentials.key_file import KeyFile, fingerprint_of, raw_key
from gateway.errors import CredentialsLost

_AUTHORIZATIONS: TypeAdapter[dict[int, Authorization]] = TypeAdapter(dict[int, Authorization])


class Vault:
    """Seals credentials and opens them again. No text of an object shows a key."""

    def __init__(self, keys: Sequence[bytes], name: str) -> None:
        """Raises SettingsError where a key is none; `name` says where they are from."""
        for key in keys:
            raw_key(key, name)
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self.name = name
        self.fingerprints = tuple(map(fingerprint_of, keys))

    @property
    def fingerprint(self) -> str:
        """Of the key that encrypts. Processes that share a database compare it."""
        return self.fingerprints[0]

    def seal(self, credentials: Mapping[int, Authorization]) -> bytes:
        """Return a token that nobody can read without the key."""
        return self._fernet.encrypt(_AUTHORIZATIONS.dump_json(dict(credentials)))

    def open(self, token: bytes) -> dict[int, Authorization]:
        """Return what was sealed. Raises CredentialsLost where no key fits."""
        try:
            return _AUTHORIZATIONS.validate_json(self._fernet.decrypt(token))
        except InvalidToken:
            raise self._lost() from None

    def renew(self, token: bytes) -> bytes:
        """Return the same, encrypted with the first key. Raises CredentialsLost where no key fits."""
        try:
            return self._fernet.rotate(token)
        except InvalidToken:
            raise self._lost() from None

    def _lost(self) -> CredentialsLost:
        return CredentialsLost(f"the credentials of the request fit no key of {self.name}: submit it again")


def open_vault(settings: Settings) -> Vault:
    """Open the vault of these settings. Beside SQLite its key is made where none is there and none is named.

    Raises SettingsError, which says what to do.
    """
    named = settings.inference.key_file
    key_file = KeyFile("inference.key_file", named or settings.paths.credentials_key, "docs/inference.md")
    if named is None and settings.has_local_database:
        key_file.make()
    return Vault(key_file.read(), str(key_file))
