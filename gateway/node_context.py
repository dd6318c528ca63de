"""What a process of a node works with, made once: each part is opened when it is first asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from uuid import UUID

from sqlalchemy import Engine

from gateway.clock import Clock, SystemClock, time_of
from gateway.config import Settings, load_settings
from gateway.credentials.vault import Vault, open_vault
from gateway.database import open_database
from gateway.destinations.circuits import Circuits
from gateway.destinations.current import CurrentDestinations
from gateway.destinations.registered import Destinations
from gateway.disk.durable import Durability
from gateway.events import EventPublisher, open_publisher
from gateway.exports.ledger import ExportLedger
from gateway.inference.outputs import output_services
from gateway.inference.store import RequestStore
from gateway.lookup.digests import LookupKey
from gateway.lookup.key import key_to_keep_with
from gateway.object_store import ObjectStore, open_object_store
from gateway.payloads.index import PayloadIndex
from gateway.retrieval.areas import Areas, areas_of
from gateway.spool.area import SpoolArea, scp_area
from gateway.spool.node import Node, read_node
from gateway.web.service import Service
from gateway.work.wake_up import wake_up


@dataclass(frozen=True)
class NodeContext:
    """The parts of this node under the settings that were in force when the process, or the run, began.

    For who only asks, and `may_upgrade` nothing, no database is made or upgraded.
    """

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    may_upgrade: bool = True

    def now(self) -> datetime:
        return time_of(self.clock.time_ns())

    @cached_property
    def database(self) -> Engine:
        """The gateway's database. Raises SettingsError where its address can't be used."""
        return open_database(self.settings.database_url, may_upgrade=self.may_upgrade)

    @cached_property
    def identity(self) -> Node:
        """Which node this is: that of its spool."""
        return read_node(self.settings.paths.spool)

    @cached_property
    def received(self) -> SpoolArea:
        """What its receiver has taken."""
        return scp_area(self.settings.paths.spool, Durability(self.settings.spool.durability))

    @cached_property
    def payloads(self) -> PayloadIndex:
        return PayloadIndex(self.database)

    @cached_property
    def requests(self) -> RequestStore:
        return RequestStore(self.database)

    @cached_property
    def retrieved(self) -> Areas:
        """The working areas of its retrievals."""
        return areas_of(self.settings)

    @cached_property
    def exports(self) -> ExportLedger:
        return ExportLedger(self.database, partial(wake_up, self.settings.paths.wake_ups))

    @cached_property
    def circuits(self) -> Circuits:
        return Circuits(self.database)

    @property
    def destinations(self) -> Destinations:
        return Destinations.of(self.settings, self._outputs)

    @cached_property
    def current_destinations(self) -> CurrentDestinations:
        """The same as the settings file has them now: for a process that outlives a change of it."""
        return CurrentDestinations(Destinations.of(self.settings))

    @property
    def vault(self) -> Vault:
        """The keys of credentials at rest. Raises SettingsError where there are none."""
        return open_vault(self.settings)

    @cached_property
    def lookup_key(self) -> LookupKey | None:
        """What makes that by which payloads are found. Raises SettingsError and FromNewerProgram."""
        return key_to_keep_with(self.settings)

    @cached_property
    def object_store(self) -> ObjectStore:
        return open_object_store(self.settings)

    @staticmethod
    def current_object_store() -> ObjectStore:
        """The same as the settings have it now: a key may have been put right while the process runs."""
        return open_object_store(load_settings().settings)

    def publisher(self) -> EventPublisher:
        """A publisher of one's own, to be closed: its connection serves one thread."""
        return open_publisher(self.settings)

    def close(self) -> None:
        """Close the connections to the database."""
        if "database" in self.__dict__:
            self.database.dispose()

    @property
    def node_id(self) -> UUID:
        return self.identity.node_id

    def _outputs(self, transaction_id: str) -> Sequence[Service]:
        """The services in the `outputResources` of an inference request."""
        return output_services(self.requests, transaction_id, self.settings, self.now())
