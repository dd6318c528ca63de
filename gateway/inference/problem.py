"""What went wrong with one source, and whether trying again can help."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import GatewayError, PeerRefused, PeerUnavailable, TransientError

_MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """A reason in our own words, without patient data. `source` is the index in `inputResources`."""

    source: int
    reason: str
    final: bool
    retry_after_seconds: float | None = None

    @classmethod
    def of(cls, source: int, error: GatewayError) -> "Problem":
        """What an error of a source's means."""
        wait = error.retry_after_seconds if isinstance(error, PeerUnavailable) else None
        return cls(source, str(error), not isinstance(error, TransientError), wait)


def error_of(problems: Sequence[Problem]) -> GatewayError | None:
    """Return one error for all: final if any of them is, or else for as long as the longest wait that was asked for."""
    if not problems:
        return None
    text = reasons([f"inputResources[{problem.source}]: {problem.reason}" for problem in problems])
    if any(problem.final for problem in problems):
        return PeerRefused(text)
    waits = [problem.retry_after_seconds for problem in problems if problem.retry_after_seconds is not None]
    return PeerUnavailable(text, retry_after_seconds=max(waits, default=None))


def reasons(texts: Sequence[str]) -> str:
    """Join reasons, as many as a person reads."""
    more = [f"and {len(texts) - _MOST_REASONS} more"] if len(texts) > _MOST_REASONS else []
    return "; ".join([*texts[:_MOST_REASONS], *more])
