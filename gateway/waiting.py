"""A long wait: what a run says while it waits for a part that is away, and when it tries again.

The message of a waiting run is for the operator who looks at it, and for the dispatcher, which reads from it what the
run waits for and releases it as soon as that answers again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from gateway.errors import Dependency

_FIRST_DELAY_SECONDS = 30.0
_LONGEST_DELAY_SECONDS = 900.0


def waiting_message(dependency: Dependency | None, reason: str, next_try: datetime) -> str:
    """Return the message of a run that waits because of `reason`, until `next_try` at the latest.

    `dependency` is what it waits for; None where nothing can be asked whether it is back, such as room on a disk.
    """
    at = _at(next_try)
    if dependency is None:
        return f"Waits: {reason.rstrip('.')}. Tries again at {at}."
    return f"{_opening(dependency)}{reason.rstrip('.')}. Tries again by {at}, or when it answers."


def destinations_message(names: Sequence[str], reason: str, next_try: datetime) -> str:
    """Return the message of an export that waits for these destinations. The ledger says what it waits for."""
    opening = _opening(f"destination {', '.join(names)}")
    return f"{opening}{reason.rstrip('.')}. Tries again by {_at(next_try)}, or when it answers."


def dependency_of(message: str | None) -> Dependency | None:
    """Return what a run with this message waits for; None where it is not a message of `waiting_message`."""
    for dependency in Dependency:
        if message and message.startswith(_opening(dependency)):
            return dependency
    return None


def next_delay_seconds(run_count: int) -> float:
    """Return how long a run waits after its try number `run_count`, from 1: doubled up to a quarter of an hour."""
    doublings = min(max(run_count, 1) - 1, 10)
    return min(_FIRST_DELAY_SECONDS * (1 << doublings), _LONGEST_DELAY_SECONDS)


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _opening(dependency: str) -> str:
    return f"Waits for {dependency}: "
