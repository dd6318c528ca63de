"""What somebody wants to know who has just started the gateway, as the last lines of its start."""

import socket

from gateway.config import Settings
from gateway.network.addresses import EVERYWHERE, written

_WIDTH = 100


def welcome(settings: Settings) -> str:
    """Return the lines: where to send to, what to look at, what to do next."""
    entity, host = settings.application_entities[0].ae_title, settings.scp.hosts[0]
    api = f"http://{written(_reached_at(settings.api.hosts[0]), settings.api.port)}"
    told = {
        "send to": f"{entity} at {written(_reached_at(host), settings.scp.port)}",
        "": f"storescu -aec {entity} {_by_hand(host)} {settings.scp.port} FILE",
        "look at": f"{api}/ (what came in), {settings.dashboard_url} (the runs)",
        "data": str(settings.data_dir),
        "next": "mig status, mig payload list",
    }
    lines = [f"  {what:<8} {text}" for what, text in told.items()]
    return "\n".join(["", "-" * _WIDTH, *lines, "-" * _WIDTH, "", ""])


def _reached_at(host: str) -> str:
    """The name by which others reach what listens on an address."""
    return socket.gethostname() if host in EVERYWHERE else host


def _by_hand(host: str) -> str:
    """The same, from this machine."""
    return "127.0.0.1" if host in EVERYWHERE else host
