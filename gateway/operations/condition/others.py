"""What a node needs of others, asked before anything is started, or beside it."""

from functools import partial

from gateway.config import DestinationSettings, Settings
from gateway.destinations.registered import Destinations
from gateway.operations.condition.parts import (
    Check,
    PartHealth,
    ask_database,
    ask_events,
    ask_object_store,
    ask_server,
    asked_of_all,
)


def others_health(settings: Settings) -> list[PartHealth]:
    """Ask what a node needs of others, whether it runs itself or not: its parts of the site, and every destination."""
    destinations = Destinations.of(settings)

    def echo(destination: DestinationSettings, _settings: Settings) -> str:
        found = destinations.find_registered(destination.name)
        assert found
        found.probe()
        return destination.address

    checks: dict[str, Check] = {
        "database": _database_or_room_for_it,
        "object store": ask_object_store,
        "event broker": ask_events,
        **({"Prefect": ask_server} if settings.prefect.api_url else {}),
        **{f"destination {each.name}": partial(echo, each) for each in settings.destinations},
    }
    return asked_of_all(checks, settings)


def _database_or_room_for_it(settings: Settings) -> str:
    """A file that the first process is to make is none that is missing."""
    if settings.has_local_database and not settings.paths.database.exists():
        return "sqlite, made by the first process that starts"
    return ask_database(settings)
