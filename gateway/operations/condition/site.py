"""Is there a gateway where one looked? Asked before all else, so that nothing is never told of what is elsewhere."""

import os
from pathlib import Path

from gateway.config import LoadedSettings, Settings
from gateway.config.load import PLACES
from gateway.disk.ownership import owners
from gateway.errors import SettingsError


def check_site(loaded: LoadedSettings) -> None:
    """Raise SettingsError where nothing was ever run on the data directory, or where this account may not use it."""
    check_account(loaded.settings)
    paths = loaded.settings.paths
    if not ((paths.spool / "node.json").exists() or paths.database.exists()):
        raise SettingsError(
            f"nothing was ever run on the data directory {loaded.settings.data_dir}{_where_looked(loaded)}: ask where "
            "the gateway runs, or name its settings by --config or MIG_CONFIG"
        )


def check_account(settings: Settings) -> None:
    """Raise SettingsError where this process may not read and write what is there, and say whose it is."""
    paths = settings.paths
    for path in reversed(settings.data_dir.parents):
        _check(path, os.X_OK)
    for path in (settings.data_dir, paths.run, paths.spool, paths.spool / "node.json", paths.database, paths.prefect):
        _check(path, os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0))


def _check(path: Path, mode: int) -> None:
    """What is not there is nobody's; what lies in it was not looked at where this may not be."""
    if path.exists() and not os.access(path, mode, effective_ids=True):
        owner, me = owners(path)
        raise SettingsError(
            f"{path} belongs to {owner}, and this process runs as {me}, which may not use it: run it as {owner} "
            f"(sudo -u {owner} …), or give it to {me}"
        )


def _where_looked(loaded: LoadedSettings) -> str:
    if loaded.file:
        return f" (settings: {loaded.file})"
    return f" (no settings file: looked for {' and '.join(map(str, PLACES))})"
