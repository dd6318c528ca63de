"""Would a study that is sent now be kept? The receiver listens, its loop turns, and it has room."""

from datetime import UTC, datetime

from gateway.config import Settings
from gateway.network.addresses import not_listening
from gateway.operations.condition.heartbeat import RECEIVER, beats, holder_of_role
from gateway.operations.condition.running import as_running

ACCEPTING = "accepting"
"""The receiver's loop that takes connections. It tells with its beat what the receiver would answer."""


def why_not_ready(settings: Settings, now: datetime | None = None) -> str | None:
    """Return why a study that is sent to this node now would not be kept; None where it would.

    Its sender has to be one that may send: that is not asked.
    """
    paths, now = settings.paths, now or datetime.now(UTC)
    if holder_of_role(paths, RECEIVER) is None:
        return "nobody receives onto this spool"
    accepting = next((beat for beat in beats(paths) if (beat.role, beat.loop) == (RECEIVER, ACCEPTING)), None)
    if accepting is None:
        return "the receiver is starting"
    if accepting.is_late(now):
        return f"the receiver has taken no connection since {accepting.last:%Y-%m-%dT%H:%M:%S%z}"
    return str(accepting.facts.get("refuses", "")) or _not_reached(settings)


def _not_reached(settings: Settings) -> str | None:
    told = as_running(settings).scp
    return not_listening(told.hosts, told.port, "the receiver")
