"""The environment in which Prefect is imported: it reads its settings once, at import."""

import os
import sys
from pathlib import Path

from gateway.config import Settings
from gateway.network.proxies import hide_environment_proxies


def prefect_environment(settings: Settings) -> dict[str, str]:
    """Return the variables that tell Prefect's client where its server is and what not to do."""
    ours = {} if settings.prefect.api_url else {"PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false"}  # spares requests
    return ours | {
        "PREFECT_API_URL": settings.prefect_api_url,
        "PREFECT_HOME": os.environ.get("PREFECT_HOME", str(settings.paths.prefect)),
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",  # a missing server is waited for, never replaced
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "DO_NOT_TRACK": "1",
    }


def use_prefect(settings: Settings) -> None:
    """Set this process's environment, and that of its children.

    Raises RuntimeError where Prefect is imported already: without an address it starts a server of its own.
    """
    if "prefect" in sys.modules:
        raise RuntimeError("Prefect was imported before it was told where its server is")
    hide_environment_proxies()  # Prefect's client would ask its own server through them
    os.environ.update(prefect_environment(settings))
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
