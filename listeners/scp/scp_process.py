"""The receiver as a process: the spool taken, what was there recovered, the port opened, groups closed in time."""

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from gateway.associations.journal import Journal
from gateway.associations.keeper import AssociationKeeper
from gateway.config import Settings
from gateway.disk.durable import Durability
from gateway.disk.file_system import check_file_system, overwrites_in_place
from gateway.disk.room import Room
from gateway.errors import NoRoom, SpoolFailed
from gateway.lookup.key import key_to_receive_with
from gateway.operations.condition.heartbeat import RECEIVER, Hearts
from gateway.operations.condition.readiness import ACCEPTING
from gateway.operations.condition.running import told
from gateway.receiving.intake import Intake
from gateway.receiving.recovery import recover
from gateway.receiving.verification import verify
from gateway.registry import Registry
from gateway.roles import only_one
from gateway.spool.area import scp_area
from gateway.spool.node import read_node
from listeners.scp.association import ReceiverContext
from listeners.scp.places import Admission
from listeners.scp.server import ScpServer

log = structlog.get_logger(__name__)

_GRACE_SECONDS = 5.0
_LONGEST_WAIT_SECONDS = 1.0
_LONGEST_TURN_SECONDS = 60.0  # a disk that is slow holds a loop up for that long
# Every thread that waits for the interpreter's lock wakes this often to ask for it. Whoever has it gives it up at its
# next system call, long before; with fifty associations the asking took 40 us for each instance.
_SWITCH_SECONDS = 0.1


def serve(settings: Settings, stopping: threading.Event, keeper: AssociationKeeper | None = None) -> None:
    """Receive until `stopping` is set. Who came is told to `keeper`, by default one with a journal.

    Raises SettingsError for what the settings ask and this machine can't give, SpoolOwned where another process
    receives into the same spool.
    """
    _collect_seldom()
    sys.setswitchinterval(_SWITCH_SECONDS)
    registry = Registry.of(settings, settings.paths.names_never_resolved)
    role = only_one(settings.data_dir, "scp", told(settings, "scp"))
    keeper = keeper or AssociationKeeper(Journal(settings.paths.associations))
    with _opened_spool(settings, registry) as intake, role, keeper.running():
        hearts = Hearts(settings.paths, RECEIVER)
        accepting, closing = hearts.of(ACCEPTING, _LONGEST_TURN_SECONDS), hearts.of("closing", _LONGEST_TURN_SECONDS)
        admission = Admission(settings.scp.max_associations)
        receiver = ReceiverContext(settings.scp, registry, intake, admission, keeper)
        server = ScpServer(receiver)
        registry.names.start()
        found = recover(intake)
        threads = [
            threading.Thread(target=verify, args=(intake, found.reopened, stopping), name="verification"),
            threading.Thread(target=close_groups, args=(intake, stopping, closing.beat), name="closing"),
        ]
        for thread in threads:
            thread.start()
        _say_ready(settings, server.port)
        server.serve(stopping, lambda: accepting.beat(lambda: _told_with_a_beat(server, receiver)))
        server.stop(_GRACE_SECONDS)
        registry.names.stop()
        for thread in threads:
            thread.join()


def close_groups(intake: Intake, stopping: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
    """Close each group when it is due, until `stopping` is set. What is open then is found again at the next start."""
    while not stopping.is_set():
        beat()
        for payload in intake.close_due():
            log.info(
                "payload ready",
                payload=str(payload.payload_id),
                instances=len(payload.instances),
                bytes=payload.bytes,
                closed_by=payload.closed_by,
                supplements=str(payload.supplements) if payload.supplements else None,
            )
        intake.wait_until_due(_LONGEST_WAIT_SECONDS)


def _told_with_a_beat(server: ScpServer, receiver: ReceiverContext) -> dict[str, object]:
    """What other processes can't see: how much is open, and why an association would be refused now."""
    refuses = ""
    try:
        receiver.intake.check()
    except (NoRoom, SpoolFailed) as error:
        refuses = str(error)
    return {
        "associations": server.open_associations,
        "groups": len(receiver.intake.open_groups()),
        "refuses": refuses,
        "stores": receiver.store_times.told(),
    }


def _collect_seldom() -> None:
    """Nearly all that is kept are records of instances, which have no cycles: looking for some costs more with each."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@contextmanager
def _opened_spool(settings: Settings, registry: Registry) -> Iterator[Intake]:
    spool = settings.paths.spool
    spool.mkdir(parents=True, exist_ok=True)
    durability = Durability(settings.spool.durability)
    for warning in check_file_system(spool, durability):
        log.warning(warning)
    room = Room(spool, settings.spool.reserve_bytes)
    area = scp_area(spool, durability, zeros_ahead=overwrites_in_place(spool, durability))
    lookup_key = key_to_receive_with(settings)
    with Intake(area, read_node(spool), registry.entities, room, lookup_key=lookup_key) as intake:
        yield intake


def _say_ready(settings: Settings, port: int) -> None:
    if not settings.scp.reject_unknown_sources:
        log.warning("scp.reject_unknown_sources is false: anybody may send")
    ae_titles = [entity.ae_title for entity in settings.application_entities]
    log.info("receiver ready", ready=True, port=port, ae_titles=ae_titles)
