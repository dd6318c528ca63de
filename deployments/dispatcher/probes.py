"""How it is found out whether a part answers that runs wait for.

Each probe reads the settings anew, as a run does: an address may have been put right.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.config import load_settings
from gateway.database import check_database, open_database
from gateway.errors import Dependency
from gateway.events import EventPublisher, check_events, open_publisher
from gateway.object_store import open_object_store
from gateway.work.kind import Probe


def check_object_store() -> None:
    open_object_store(load_settings().settings).check()


def check_own_events() -> None:
    check_events(load_settings().settings)


def check_own_database() -> None:
    engine = open_database(load_settings().settings.database_url)
    try:
        check_database(engine)
    finally:
        engine.dispose()


def own_publisher() -> EventPublisher:
    return open_publisher(load_settings().settings)


@dataclass(frozen=True, slots=True)
class Probes:
    """What asks each part, and where an event is published to try the broker out."""

    parts: Mapping[Dependency, Probe]
    publisher: Callable[[], EventPublisher]


PROBES = Probes(
    {
        Dependency.OBJECT_STORE: check_object_store,
        Dependency.EVENTS: check_own_events,
        Dependency.DATABASE: check_own_database,
    },
    own_publisher,
)
