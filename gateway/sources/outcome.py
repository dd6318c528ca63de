"""How a retrieval ended, source by source: what an operator reads, and what becomes of the request."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from gateway.errors import GatewayError, PeerRefused, PeerUnavailable, TransientError
from gateway.wording import size

_MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """A reason in our own words, without patient data. `source` is the index in `inputResources`."""

    source: int
    reason: str
    final: bool
    retry_after_seconds: float | None = None

    @classmethod
    def of(cls, source: int, error: GatewayError) -> "SourceProblem":
        """What an error of a source's means."""
        wait = error.retry_after_seconds if isinstance(error, PeerUnavailable) else None
        return cls(source, str(error), not isinstance(error, TransientError), wait)


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """What was found at a source, and how much of it is here. `source` is its index in `inputResources`."""

    source: int
    found: int
    fetched: int
    bytes: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class RetrievalOutcome:
    """All sources; `remarks` are what a person should know of what went well."""

    sources: tuple[SourceOutcome, ...]
    problems: tuple[SourceProblem, ...]
    remarks: tuple[str, ...]

    @property
    def fetched(self) -> int:
        """The instances and resources that are here."""
        return sum(source.fetched for source in self.sources)

    def error(self, *, allow_partial: bool, last_try: bool = False) -> GatewayError | None:
        """Return what stands in the way of a payload: PeerUnavailable while another try may help, PeerRefused for good.

        With `allow_partial`, what can't be had is no obstacle as long as there is something: what is refused for good,
        and with the `last_try` also what did not come in time.
        """
        accepted = [problem for problem in self.problems if allow_partial and (problem.final or last_try)]
        rest = [problem for problem in self.problems if problem not in accepted]
        if not rest and not self.fetched:
            return error_of(accepted) or PeerRefused("nothing was found at any source")
        return error_of(rest)

    @property
    def is_partial(self) -> bool:
        """Whether something that was asked for is missing."""
        return bool(self.problems)

    def lines(self) -> list[str]:
        """Say in the run's log how much is here, and what a payload of it would lack."""
        found, taken = sum(source.found for source in self.sources), sum(source.bytes for source in self.sources)
        lines = [f"fetched {self.fetched:,} of {found:,} that were found, {size(taken)}"]
        if self.fetched and self.is_partial:
            lines.append(f"partial: {reasons_of(self.problems)}")
        return lines


OUTCOME: TypeAdapter[RetrievalOutcome] = TypeAdapter(RetrievalOutcome)
"""Turns one into JSON and back, for the request's status."""


def error_of(problems: Sequence[SourceProblem]) -> GatewayError | None:
    """Return one error for all: final if any of them is, or else for as long as the longest wait that was asked for."""
    if not problems:
        return None
    text = reasons_of(problems)
    if any(problem.final for problem in problems):
        return PeerRefused(text)
    waits = [problem.retry_after_seconds for problem in problems if problem.retry_after_seconds is not None]
    return PeerUnavailable(text, retry_after_seconds=max(waits, default=None))


def reasons_of(problems: Sequence[SourceProblem]) -> str:
    """Join problems, each with its source."""
    return reasons([f"inputResources[{problem.source}]: {problem.reason}" for problem in problems])


def reasons(texts: Sequence[str]) -> str:
    """Join reasons, as many as a person reads."""
    more = [f"and {len(texts) - _MOST_REASONS} more"] if len(texts) > _MOST_REASONS else []
    return "; ".join([*texts[:_MOST_REASONS], *more])


def sources_report(outcome: RetrievalOutcome | None) -> str:
    """Return Markdown: what each source had, and what of it is here; places in the request and counts."""
    if outcome is None:
        return "No source was asked yet."
    lines = ["| source | found | fetched | bytes | error |", "| --- | ---: | ---: | ---: | --- |"]
    lines += [
        f"| inputResources[{each.source}] | {each.found:,} | {each.fetched:,} | {each.bytes:,} | {each.error} |"
        for each in outcome.sources
    ]
    return "\n".join([*lines, "", *(f"- {remark}" for remark in outcome.remarks)])
