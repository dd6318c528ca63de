"""Whether the parts answer, as MONAI Deploy's informatics gateway tells it on `/health`.

All are asked at the moment and at the same time, each within seconds; a part that work waits for is none that answers.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine

from gateway.config import RabbitMqSettings, S3StoreSettings, Settings
from gateway.database import check_database
from gateway.errors import GatewayError
from gateway.operations.condition.parts import ask_events, ask_object_store
from gateway.operations.condition.services import ServiceState, consumer_state, services


class Verdict(StrEnum):
    """Degraded: something does not run, and the rest goes on."""

    HEALTHY = "Healthy"
    DEGRADED = "Degraded"
    UNHEALTHY = "Unhealthy"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """What was asked, under MONAI Deploy's name for it, and the answer."""

    check: str
    result: Verdict


@dataclass(frozen=True, slots=True)
class Health:
    """Every check."""

    checks: Sequence[HealthCheck]

    @property
    def status(self) -> Verdict:
        """The worst of all."""
        results = {check.result for check in self.checks}
        return next((bad for bad in (Verdict.UNHEALTHY, Verdict.DEGRADED) if bad in results), Verdict.HEALTHY)


def health(settings: Settings, engine: Engine) -> Health:
    """Ask every part."""
    has_broker = isinstance(settings.events, RabbitMqSettings)
    is_s3 = isinstance(settings.object_store, S3StoreSettings)
    questions: dict[str, Callable[[], Verdict]] = {
        "Informatics Gateway Services": lambda: _of_services(settings),
        _database_name(engine): lambda: _answers(lambda: check_database(engine)),
        "minio" if is_s3 else "Local Object Store": lambda: _answers(lambda: ask_object_store(settings)),
        **({"Rabbit MQ Subscriber": lambda: _BY_STATE[consumer_state(settings)]} if has_broker else {}),
        "Rabbit MQ Publisher" if has_broker else "Prefect Events": lambda: _answers(lambda: ask_events(settings)),
    }
    with ThreadPoolExecutor(len(questions)) as threads:
        results = threads.map(lambda ask: ask(), questions.values())
        return Health([HealthCheck(name, result) for name, result in zip(questions, results, strict=True)])


_BY_STATE = {
    ServiceState.RUNNING: Verdict.HEALTHY,
    ServiceState.UNKNOWN: Verdict.DEGRADED,
    ServiceState.STOPPED: Verdict.UNHEALTHY,
}


def _of_services(settings: Settings) -> Verdict:
    """Degraded while some are not seen to run, Unhealthy once all have stopped."""
    states = set(services(settings).states.values())
    if states == {ServiceState.RUNNING}:
        return Verdict.HEALTHY
    return Verdict.UNHEALTHY if states == {ServiceState.STOPPED} else Verdict.DEGRADED


def _database_name(engine: Engine) -> str:
    return "SQLite Database" if engine.dialect.name == "sqlite" else "PostgreSQL Database"


def _answers(ask: Callable[[], object]) -> Verdict:
    try:
        ask()
    except GatewayError:
        return Verdict.UNHEALTHY
    return Verdict.HEALTHY
