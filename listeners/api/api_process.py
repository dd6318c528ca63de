"""The API as a process."""

import asyncio
import signal
import socket
from contextlib import closing

import structlog
from sqlalchemy import Engine

from gateway.config import Settings
from gateway.credentials.key_check import check_key
from gateway.credentials.vault import Vault, open_vault
from gateway.database import check_database, ending_with_schema
from gateway.errors import SettingsError
from gateway.inference.acceptance import RequestAcceptance
from gateway.inference.store import RequestStore
from gateway.node_context import NodeContext
from gateway.operations.condition.running import told
from gateway.roles import only_one
from listeners.api.app import create_app
from listeners.api.routes.associations import associations_routes
from listeners.api.routes.commands import commands_routes
from listeners.api.routes.dicom_associations import dicom_associations_routes
from listeners.api.routes.explain import explain_routes
from listeners.api.routes.exports import exports_routes
from listeners.api.routes.health import health_routes
from listeners.api.routes.inference import inference_routes
from listeners.api.routes.metrics import metrics_routes
from listeners.api.routes.payloads import payloads_routes
from listeners.api.routes.status import status_routes
from listeners.api.server import ApiServer, listening
from listeners.page.routes import page_routes

log = structlog.get_logger(__name__)


def serve(settings: Settings) -> None:
    """Answer until SIGTERM.

    Raises SettingsError for what the settings ask and can't be had, AlreadyRunning where an API runs on this data
    directory, DatabaseUnavailable and DatabaseRefused.
    """
    with (
        closing(NodeContext(settings)) as node,
        listening(settings.api) as sockets,
        only_one(settings.data_dir, "api", told(settings, "api")),
    ):
        check_database(node.database)
        acceptance = RequestAcceptance(node.requests, settings, _vault(node.requests, settings))
        routes = [
            inference_routes(acceptance, settings),
            exports_routes(node),
            payloads_routes(node),
            commands_routes(node),
            associations_routes(node),
            dicom_associations_routes(node),
            explain_routes(node),
            health_routes(node),
            status_routes(node),
            metrics_routes(node),
            page_routes(node),
        ]
        server = ApiServer(create_app(settings.api, routes), settings.api)
        asyncio.run(_serve(server, sockets, node.database))
    log.info("API stopped")


async def _serve(server: ApiServer, sockets: list[socket.socket], engine: Engine) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    async with ending_with_schema(engine, server.stop):
        await server.serve(sockets)


def _vault(store: RequestStore, settings: Settings) -> Vault | None:
    """The vault; None, which is said, where no key was made for a database that others may share."""
    try:
        vault = open_vault(settings)
    except SettingsError as error:
        log.warning("requests with credentials will not be taken", reason=str(error))
        return None
    check_key(store.engine, vault)
    return vault
