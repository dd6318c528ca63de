"""One key for all processes that share a database: its fingerprint is kept there."""

from sqlalchemy import Column, Engine, Integer, String, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.credentials.vault import Vault
from gateway.database import database_errors, metadata
from gateway.errors import SettingsError

keys = Table(
    "inference_key",
    metadata,
    Column("number", Integer, primary_key=True),  # there is one
    Column("fingerprint", String(16), nullable=False),
)


def check_key(engine: Engine, vault: Vault) -> None:
    """Compare the keys with what the database was last used with, and note the one that encrypts now.

    Raises SettingsError where none of them is that one: what another process has sealed could not be opened here.
    """
    with database_errors():
        known = _known(engine, vault)
        if known == vault.fingerprint:
            return
        if known not in vault.fingerprints:
            raise SettingsError(
                f"{vault.name} is not the key that the credentials in the database are encrypted with. Put that one "
                "here; if it is lost, empty the table inference_key, and this one takes its place"
            )
        with engine.begin() as connection:
            connection.execute(update(keys).values(fingerprint=vault.fingerprint))


def _known(engine: Engine, vault: Vault) -> str:
    with engine.connect() as connection:
        known = connection.execute(select(keys.c.fingerprint)).scalar_one_or_none()
    if known is not None:
        return str(known)
    try:
        with engine.begin() as connection:
            connection.execute(insert(keys).values(number=1, fingerprint=vault.fingerprint))
    except IntegrityError:  # another process was quicker
        return _known(engine, vault)
    return vault.fingerprint
