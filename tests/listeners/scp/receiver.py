"""A receiver on loopback, with its spool to look into."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from gateway.associations.journal import Journal
from gateway.associations.keeper import AssociationKeeper
from gateway.associations.record import AssociationRecord
from gateway.config import ApplicationEntitySettings, ScpSettings, SourceSettings
from gateway.registry import Registry
from gateway.registry.names import Resolve, resolve_host
from listeners.scp.association import ReceiverContext
from listeners.scp.places import Admission
from listeners.scp.server import ScpServer
from tests.gateway.receiving.scene import Scene
from tests.waiting import wait_until

MIG = ApplicationEntitySettings(ae_title="MIG")


class Receiver:
    """What a test sees of a running receiver."""

    def __init__(self, server: ScpServer, services: ReceiverContext, spool: Scene, journal: Journal) -> None:
        self.server = server
        self.services = services
        self.spool = spool
        self.port = server.port
        self._journal = journal
        self._kept: dict[UUID, AssociationRecord] = {}

    def kept(self, count: int = 1) -> list[AssociationRecord]:
        """What was noted of associations, in the order of their ends, as soon as there are so many."""
        wait_until(lambda: len(self._taken()) >= count, 10, f"{count} associations to be noted")
        return sorted(self._kept.values(), key=lambda record: record.ended_ns)

    def open_now(self) -> list[AssociationRecord]:
        """What was last told of those that are open."""
        return self._journal.open_now()

    def _taken(self) -> dict[UUID, AssociationRecord]:
        while segment := self._journal.take():
            self._kept |= {record.association_id: record for record in segment.records}
            self._journal.remove(segment)
        return self._kept

    def stored(self) -> list[bytes]:
        """The bytes of every instance that was committed, preamble zeroed, in the order of their receipt."""
        instances = [instance for group in self.spool.intake.open_groups() for instance in group.instances]
        return [self.spool.stored_bytes(i) for i in sorted(instances, key=lambda instance: instance.received_ns)]

    def files(self) -> list[Path]:
        return [path for path in self.spool.area.incoming.rglob("*") if path.is_file()]


@contextmanager
def receiving(
    root: Path,
    *entities: ApplicationEntitySettings,
    sources: tuple[SourceSettings, ...] = (),
    reject_unknown_sources: bool = False,
    resolve: Resolve = resolve_host,
    host: str | tuple[str, ...] = "127.0.0.1",
    **settings: float,
) -> Iterator[Receiver]:
    """Run a receiver on a free port; every test's waits are short unless it says otherwise."""
    entities = entities or (MIG,)
    spool = Scene(root, *entities)
    defaults = {"artim_seconds": 5.0, "idle_seconds": 5.0}
    scp = ScpSettings.model_construct(host=host, port=0, **(_DEFAULTS | defaults | settings))
    registry = Registry(entities, sources, reject_unknown_sources=reject_unknown_sources, resolve=resolve)
    journal = Journal(root / "associations")
    keeper = AssociationKeeper(journal)
    services = ReceiverContext(scp, registry, spool.intake, Admission(scp.max_associations), keeper)
    server = ScpServer(services)
    registry.names.start()
    stopping = threading.Event()
    thread = threading.Thread(target=server.serve, args=(stopping,))
    thread.start()
    try:
        with keeper.running():
            try:
                yield Receiver(server, services, spool, journal)
            finally:
                stopping.set()
                server.stop(grace_seconds=0)
    finally:
        registry.names.stop()
        thread.join()
        spool.crash()


_DEFAULTS = {name: field.default for name, field in ScpSettings.model_fields.items() if name not in {"host", "port"}}
