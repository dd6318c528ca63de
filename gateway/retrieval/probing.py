"""Does a source answer that was away?"""

from collections.abc import Callable
from contextlib import closing
from functools import partial

from gateway.config import Settings, load_settings
from gateway.errors import PeerRefused, SettingsError
from gateway.inference.row import RequestRow
from gateway.inference.vocabulary import Interface
from gateway.retrieval.sources import patience_of, services_of
from gateway.web.errors import our_errors, refused_answer
from gateway.web.service import Service
from gateway.web.session import open_session

_QUESTIONS = {Interface.DICOM_WEB: "studies?limit=1", Interface.FHIR: "metadata"}


def sources_away(row: RequestRow, settings: Settings) -> list[tuple[Service, Interface]]:
    """Return the sources of a request that could not serve at its last try, without the request's credentials.

    Raises SettingsError where an archive is no longer registered.
    """
    problems = row.outcome.problems if row.outcome else ()
    away = {problem.source for problem in problems if not problem.final}
    services = services_of(row.request, {}, settings)
    return [(services[source.number], source.interface) for source in row.request.sources if source.number in away]


def source_probe(row: RequestRow, name: str) -> Callable[[], None] | None:
    """Return what asks the source of this name, for which a request waits; None where it is not registered any more.

    The settings are read anew, as a run does: an address may have been put right.
    """
    settings = load_settings().settings
    try:
        away = {str(service): (service, interface) for service, interface in sources_away(row, settings)}
    except SettingsError:  # its run says so when its time comes
        return None
    found = away.get(name) or next(iter(away.values()), None)  # one that waits since an older version names none
    return partial(check_source, *found, settings) if found else None


def check_source(service: Service, interface: Interface, settings: Settings) -> None:
    """Return if it answers, be it that it does not let us in. Raises PeerUnavailable where it does not."""
    with closing(open_session(service, patience_of(settings))) as session, our_errors(service):
        address = f"{service.url.rstrip('/')}/{_QUESTIONS[interface]}"
        with closing(session.get(address, stream=True)) as answer:
            error = None if answer.ok else refused_answer(service, answer)
    if error and not isinstance(error, PeerRefused):
        raise error
