"""What the fork server does once, so that no child does it for its run.

A child lives for one run: whatever Prefect does at first use it would do for each. Modules are imported late, pydantic
builds schemas late, and each of six clients loads all certification authorities, though a plain connection asks none.
"""

import ssl
from contextlib import suppress
from typing import Any

import anyio._backends._asyncio  # noqa: F401
import certifi
import prefect.events.worker
import prefect.task_engine
import prefect.utilities.visualization  # noqa: F401
from prefect.client.schemas.actions import ArtifactCreate, FlowRunUpdate, LogCreate
from prefect.client.schemas.objects import Artifact, FlowRun, WorkPool, WorkQueue
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.filters import EventFilter
from prefect.events.schemas.events import Event
from prefect.settings import (
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    temporary_settings,
)
from pydantic import BaseModel

import gateway.events.prefect
import gateway.events.rabbitmq
import gateway.object_store.s3  # noqa: F401 - adapters, which are imported where one is opened

_MODELS: tuple[type[BaseModel], ...] = (
    Artifact,
    ArtifactCreate,
    DeploymentResponse,
    Event,
    EventFilter,
    FlowRun,
    FlowRunUpdate,
    LogCreate,
    WorkPool,
    WorkQueue,
)


def build_schemas() -> None:
    """Build what validates and serializes the models that every run needs."""
    for model in _MODELS:
        model.model_rebuild()


def share_authorities() -> None:
    """Have all clients of a plain API share one TLS context, which none of them has a use for.

    Where the API is called by https each has its own, as Prefect means it.
    """
    if not (PREFECT_API_URL.value() or "").startswith("http://"):
        return
    file = PREFECT_API_SSL_CERT_FILE.value() or certifi.where()
    create = ssl.create_default_context
    with suppress(OSError):  # Prefect tells of a file that can't be used
        shared = create(cafile=file)

        def create_default_context(*arguments: Any, **options: Any) -> ssl.SSLContext:
            return shared if options == {"cafile": file} and not arguments else create(*arguments, **options)

        ssl.create_default_context = create_default_context


build_schemas()
share_authorities()

# Prefect's heartbeat thread of a flow would hold up the end of each run for a second: the worker is alive as long as
# its children are, and it tells Prefect so. Entered for good, and kept: its end would bring the setting back.
_no_heartbeat = temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
_no_heartbeat.__enter__()
