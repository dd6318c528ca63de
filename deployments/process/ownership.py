"""Whose a run is: which worker claimed it, as its Pending state and then its process say."""

import re

_CLAIM = re.compile(r"Claimed by worker (?P<worker>.+)\.")


def claim_text(worker: str) -> str:
    """The message of the Pending state of a run that this worker has claimed."""
    return f"Claimed by worker {worker}."


def process_text(worker: str, process_id: int) -> str:
    """The `infrastructure_pid` of a run that this worker carries out."""
    return f"{worker}:{process_id}"


def claimed_by(message: str | None) -> str | None:
    """Return the worker that a Pending state's message names."""
    claim = _CLAIM.fullmatch(message or "")
    return claim["worker"] if claim else None


def owner_of(infrastructure_pid: str | None, pending_message: str | None) -> str | None:
    """Return the name of the worker in whose hands a Pending, Running or Cancelling run is, where that is known.

    A Pending run may still name the process of its last try, elsewhere: its message says who claimed it now.
    `pending_message` is None of any other.
    """
    if pending_message is not None:
        return claimed_by(pending_message)
    worker, colon, _ = (infrastructure_pid or "").rpartition(":")
    return worker if colon else None
