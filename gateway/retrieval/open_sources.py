"""The sources of a request: which they are, opened when they are first asked, and asked whether they are back."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from functools import partial
from types import TracebackType
from typing import Self

from gateway.acr.request import InferenceRequest
from gateway.acr.vocabulary import SERVES
from gateway.config import Settings, load_settings
from gateway.credentials.authorization import Authorization
from gateway.errors import PeerRefused
from gateway.inference.row import RequestRow
from gateway.sources.address import SourceAddress
from gateway.sources.kinds import open_source
from gateway.sources.port import Source


class OpenSources:
    """The sources of a request, by their index in `inputResources`. Not for several threads."""

    def __init__(self, addresses: Mapping[int, SourceAddress], settings: Settings) -> None:
        self._addresses = addresses
        self._settings = settings
        self._sources: dict[int, Source] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def __getitem__(self, number: int) -> Source:
        """The source, kept until all is done. Raises SettingsError as `open_source` does."""
        if number not in self._sources:
            source = open_source(self._addresses[number], self._settings)
            self._sources[number] = self._open.enter_context(closing(source))
        return self._sources[number]


def addresses_of(request: InferenceRequest, credentials: Mapping[int, Authorization]) -> dict[int, SourceAddress]:
    """Where each source is that serves anything, by its index in `inputResources`."""
    return {
        source.number: SourceAddress(
            source.interface.kind, source.url, source.registered, credentials.get(source.number)
        )
        for source in request.sources
        if SERVES[source.interface]
    }


def sources_away(row: RequestRow) -> list[SourceAddress]:
    """Return the sources of a request that could not serve at its last try, without the request's credentials."""
    problems = row.outcome.problems if row.outcome else ()
    away = {problem.source for problem in problems if not problem.final}
    return [address for number, address in addresses_of(row.request, {}).items() if number in away]


def source_probe(row: RequestRow, name: str) -> Callable[[], None] | None:
    """Return what asks the source of this name, for which a request waits; None where it waits for none.

    The settings are read anew, as a run does: an address may have been put right. One that is not registered any more
    does not answer: its run says so when its time comes.
    """
    away = {str(address): address for address in sources_away(row)}
    found = away.get(name) or next(iter(away.values()), None)  # one that waits since an older version names none
    return partial(check_source, found, load_settings().settings) if found else None


def check_source(address: SourceAddress, settings: Settings) -> None:
    """Return if it answers, be it that it does not let us in.

    Raises PeerUnavailable where it does not, SettingsError as `open_source` does.
    """
    with closing(open_source(address, settings)) as source, suppress(PeerRefused):
        source.probe()
