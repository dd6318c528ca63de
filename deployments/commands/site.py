"""The site that a command asks about: it must be there, and is never made by asking."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config import Settings


def site_settings() -> "Settings":
    """Return its settings, with the addresses that its processes run with.

    Raises SettingsError where nothing was ever run on the data directory, or where it belongs to another account.
    """
    from gateway.config import load_settings
    from gateway.operations.condition.running import as_running
    from gateway.operations.condition.site import check_site

    loaded = load_settings()
    check_site(loaded)
    return as_running(loaded.settings)
