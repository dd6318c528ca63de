"""What `mig up` runs: Prefect's server where none is configured, receiver, API, consumer, dispatcher, worker."""

import os
import sys

from deployments.up.log_lines import PREFECT_LOGS_JSON
from deployments.up.part import Plan
from gateway.config import RabbitMqSettings, Settings

PREFECT = "prefect"
RECEIVER = "scp"
API = "api"
CONSUMER = "exports"
ROLES_OF_PREFECT = ("dispatch", "worker")  # which are of no use before Prefect answers


def has_own_prefect(settings: Settings) -> bool:
    """Whether `mig up` runs a Prefect server of its own."""
    return not settings.prefect.api_url


def has_broker(settings: Settings) -> bool:
    """Whether export requests come over RabbitMQ."""
    return isinstance(settings.events, RabbitMqSettings)


def plans(settings: Settings) -> list[Plan]:
    """How each part is started."""
    listeners = (RECEIVER, API, CONSUMER) if has_broker(settings) else (RECEIVER, API)
    roles = [_role(name) for name in (*listeners, *ROLES_OF_PREFECT)]
    return [_prefect_server(settings), *roles] if has_own_prefect(settings) else roles


def _role(name: str) -> Plan:
    # -P: the current directory may hold a `flows` of somebody else's
    command = [sys.executable, "-P", "-m", "deployments", name]
    return Plan(name, command, os.environ | {"MIG_LOG__FORMAT": "json"})


def _prefect_server(settings: Settings) -> Plan:
    home = settings.paths.prefect
    home.mkdir(parents=True, exist_ok=True)
    host, port = settings.prefect.host, str(settings.prefect.port)
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    environment |= PREFECT_LOGS_JSON
    environment |= {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        # It would mark every run that waits for its turn, one write each: a long backlog would become a slow one.
        "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
        # An announcement is read back before it counts: it shall not lie in memory for the default of five seconds.
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "0.1",
        # The event of a large payload lists every object; above the default of 1.5 MB it would be dropped.
        "PREFECT_SERVER_EVENTS_MAXIMUM_SIZE_BYTES": "20000000",
        "PREFECT_LOGGING_COLORS": "false",
        "PREFECT_UI_API_URL": "/api",  # of whatever address the browser has found us under
        "DO_NOT_TRACK": "1",
    }
    command = [sys.executable, "-P", "-m", "prefect", "server", "start", "--host", host, "--port", port]
    # Its banner goes to stdout.
    return Plan(PREFECT, command, environment, logs_to_stdout=False, with_traceback=settings.log.level == "debug")
