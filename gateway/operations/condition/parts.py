"""Is each part up? Asked from outside, all at the same time, each within seconds."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.config import RabbitMqSettings, Settings
from gateway.database import check_database, database_errors, open_database
from gateway.database.migrations import HEAD
from gateway.disk.lock_file import LockHolder
from gateway.errors import DatabaseRefused, DatabaseUnavailable, Dependency, GatewayError, SettingsError, TransientError
from gateway.events import check_events
from gateway.network.addresses import not_listening
from gateway.object_store import open_object_store
from gateway.operations.condition.prefect import ask_prefect
from gateway.registry.names import names_never_resolved
from gateway.roles import holder
from gateway.runs.server import check_health, heartbeats
from gateway.spool.area import scp_area
from gateway.spool.node import find_node
from gateway.spool.owner import owner_of
from gateway.work.waiting import AwaitedPart, oldest, parts_waited_for

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class PartHealth:
    """One part: whether it is up, and what more there is to say."""

    part: str
    up: bool
    detail: str


Check = Callable[[Settings], str]
"""Returns what there is to say of a part that answers, and raises a GatewayError where it does not."""


class Down(TransientError):
    """A part of ours does not run. The text says how that was seen."""


def parts_health(settings: Settings) -> list[PartHealth]:
    """Ask every part."""
    checks: dict[str, Check] = {
        "receiver": _receiver,
        "API": _api,
        "dispatcher": _dispatcher,
        **({"export consumer": _consumer} if isinstance(settings.events, RabbitMqSettings) else {}),
        "worker": _worker,
        "Prefect": ask_server,
        "database": ask_database,
        "object store": ask_object_store,
        "event broker": ask_events,
    }
    return asked_of_all(checks, settings)


def asked_of_all(checks: Mapping[str, Check], settings: Settings) -> list[PartHealth]:
    """Make all these checks at the same time."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(lambda check: _health(check[0], check[1], settings), checks.items()))


def _health(part: str, check: Check, settings: Settings) -> PartHealth:
    try:
        return PartHealth(part, True, check(settings))
    except GatewayError as error:
        return PartHealth(part, False, str(error))


def _receiver(settings: Settings) -> str:
    owner = owner_of(scp_area(settings.paths.spool).root)
    if owner is None:
        raise Down("nobody holds the spool")
    port = settings.scp.port
    _connect(settings.scp.hosts, port, str(owner))
    never = names_never_resolved(settings.paths.names_never_resolved)
    return f"{owner}, port {port}" + (f"; never resolved: {', '.join(never)}" if never else "")


def _api(settings: Settings) -> str:
    _connect(settings.api.hosts, settings.api.port, "the API")
    return f"port {settings.api.port}"


def _connect(hosts: Sequence[str], port: int, who: str) -> None:
    """Connect to each address that is listened on. Raises Down."""
    if reason := not_listening(hosts, port, who):
        raise Down(reason)


def _dispatcher(settings: Settings) -> str:
    return str(_running(settings, "dispatch"))


def _consumer(settings: Settings) -> str:
    return str(_running(settings, "exports"))


def _worker(settings: Settings) -> str:
    process, node = _running(settings, "worker"), find_node(settings.paths.spool)
    name = node.worker_name if node else ""
    pool = settings.prefect.work_pool
    heard = ask_prefect(settings, lambda api: heartbeats(api, pool))
    if (heartbeat := heard.get(name)) is None:
        raise Down(f"{process} is not known to Prefect as {name}")
    age_seconds = (datetime.now(UTC) - heartbeat).total_seconds()
    return f"{process}, heartbeat {age_seconds:.0f} s ago"


def _running(settings: Settings, role: str) -> LockHolder:
    found = holder(settings.data_dir, role)
    if found is None:
        raise Down(f"`mig {role}` does not run on {settings.data_dir}")
    return found


def ask_server(settings: Settings) -> str:
    ask_prefect(settings, check_health)
    return settings.prefect_api_url


def ask_database(settings: Settings) -> str:
    engine = open_database(settings.database_url, may_upgrade=False)
    try:
        check_database(engine)
        return f"{engine.dialect.name}, schema {HEAD}"
    finally:
        engine.dispose()


def ask_object_store(settings: Settings) -> str:
    store = open_object_store(settings)
    store.check()
    _check_nobody_waits(settings, Dependency.OBJECT_STORE)
    return f"{settings.object_store.kind}, bucket {store.bucket}"


def ask_events(settings: Settings) -> str:
    check_events(settings)
    _check_nobody_waits(settings, Dependency.EVENTS)
    return settings.events.kind


def _check_nobody_waits(settings: Settings, dependency: Dependency) -> None:
    """Raise Down where work waits for a part that answers us: what it asks of that part is more than a greeting."""
    try:
        awaited, reason = _longest_wait(settings, dependency)
    except (DatabaseUnavailable, DatabaseRefused, SettingsError):  # which the row of the database says
        return
    if awaited:
        since = f"{awaited.since.astimezone():%Y-%m-%d %H:%M:%S %Z}"
        waits = "1 waits" if awaited.waiting == 1 else f"{awaited.waiting:,} wait"
        raise Down(f"it answers, but {waits} for it, since {since}: {reason}")


def _longest_wait(settings: Settings, dependency: Dependency) -> tuple[AwaitedPart | None, str]:
    engine = open_database(settings.database_url, may_upgrade=False)
    try:
        with database_errors(), engine.connect() as connection:
            parts = parts_waited_for(connection, datetime.now(UTC))
            part = next((part for part in parts if part.dependency is dependency), None)
            first = oldest(connection, part) if part else None
            return part, first.reason if first else ""
    finally:
        engine.dispose()
