"""How a retrieval ended, source by source: what an operator reads, and what becomes of the request."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from gateway.errors import GatewayError, PeerRefused
from gateway.inference.problem import Problem, error_of


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """What was found at a source, and how much of it is here. `source` is its index in `inputResources`."""

    source: int
    found: int
    fetched: int
    bytes: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """All sources; `remarks` are what a person should know of what went well."""

    sources: tuple[SourceOutcome, ...]
    problems: tuple[Problem, ...]
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


OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)
"""Turns one into JSON and back, for the request's status."""
