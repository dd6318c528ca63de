"""A spool on a private directory, a clock to move, and senders that hand it data sets."""

import struct
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from gateway.config import ApplicationEntitySettings
from gateway.dicom.part10 import FileMeta
from gateway.disk.durable import Durability, Flushing
from gateway.disk.room import Room
from gateway.lookup.digests import LookupKey
from gateway.payloads.payload import Instance, Payload
from gateway.receiving.association_intake import AssociationIntake
from gateway.receiving.intake import Intake
from gateway.receiving.reception import Reception
from gateway.receiving.recovery import Recovery, recover
from gateway.receiving.verification import verify
from gateway.spool.area import SpoolArea, scp_area
from gateway.spool.node import read_node
from tests.clock import MovableClock
from tests.events import NeverStopping

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


def data_set(
    study: str = "1.2.1",
    series: str = "1.2.2",
    sop: str = "1.2.3",
    *,
    patient: str = "P1",
    accession: str = "",
    issuer: str = "",
    sop_class: str = CT,
    pixels: bytes = b"\1\2" * 64,
) -> bytes:
    """An Explicit VR Little Endian data set with the elements that matter here."""
    return b"".join(
        (
            _element(0x0008, 0x0016, b"UI", sop_class),
            _element(0x0008, 0x0018, b"UI", sop),
            _element(0x0008, 0x0050, b"SH", accession) if accession else b"",
            _element(0x0008, 0x0060, b"CS", "CT"),
            _element(0x0010, 0x0020, b"LO", patient),
            _element(0x0010, 0x0021, b"LO", issuer) if issuer else b"",
            _element(0x0020, 0x000D, b"UI", study),
            _element(0x0020, 0x000E, b"UI", series),
            struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, len(pixels)),
            pixels,
        )
    )


def _element(group: int, number: int, vr: bytes, text: str) -> bytes:
    value = text.encode()
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


@dataclass
class Sender:
    """One association, as a modality uses it."""

    intake: AssociationIntake
    entity: ApplicationEntitySettings
    ae_title: str

    def reception(self, sop: str = "1.2.3", sop_class: str = CT) -> Reception:
        self.intake.heard()
        meta = FileMeta(sop_class, sop, EXPLICIT_LITTLE, self.ae_title, self.entity.ae_title)
        return Reception(self.intake, self.entity, meta)

    def begin(self, sop: str = "1.2.3", sop_class: str = CT) -> AbstractContextManager[Reception]:
        """An instance that is on its way within."""
        return closing(self.reception(sop, sop_class).open())

    def send(self, study: str = "1.2.1", series: str = "1.2.2", sop: str = "1.2.3", **more: str | bytes) -> Instance:
        with self.begin(sop) as reception:
            reception.write(memoryview(data_set(study, series, sop, **more)))  # type: ignore[arg-type]
            self.intake.heard()
            return reception.commit()

    def end(self) -> None:
        self.intake.end()


class Scene:
    """A receiver's spool that can be ended in any way and started again."""

    def __init__(
        self,
        root: Path,
        *entities: ApplicationEntitySettings,
        flushing: Flushing = Durability.OS,
        zeros_ahead: bool = False,
        lookup_key: LookupKey | None = None,
    ) -> None:
        self.root = root
        self.lookup_key = lookup_key
        self.clock = MovableClock()
        self.entities = {entity.ae_title: entity for entity in entities or (ApplicationEntitySettings(ae_title="MIG"),)}
        self.area: SpoolArea = scp_area(root, flushing, zeros_ahead=zeros_ahead)
        self.reserve_bytes = 0
        self._running = ExitStack()
        self.intake: Intake
        self.recovery: Recovery
        self.start()

    def start(self, *, verified: bool = True) -> Recovery:
        room = Room(self.root, self.reserve_bytes, statvfs=lambda _: EmptyDisk())
        intake = Intake(self.area, read_node(self.root), self.entities, room, self.clock, self.lookup_key)
        self.intake = self._running.enter_context(intake)
        self.recovery = recover(self.intake)
        if verified:
            self.verify()
        return self.recovery

    def verify(self) -> None:
        verify(self.intake, self.recovery.reopened, NeverStopping())

    def crash(self) -> None:
        """The process ends as with SIGKILL: nobody tidies up, the kernel gives the lock back."""
        self._running.close()

    def restart(self) -> Recovery:
        self.crash()
        return self.start()

    def associate(self, calling_ae: str = "CT01", called_ae: str = "MIG") -> Sender:
        return Sender(AssociationIntake(self.intake), self.entities[called_ae], calling_ae)

    def pass_time(self, seconds: float) -> list[Payload]:
        """Move the clock; return the payloads that closed meanwhile."""
        self.clock.move(seconds)
        return self.intake.close_due()

    def stored_bytes(self, instance: Instance) -> bytes:
        """What later steps read of an instance: the file, its preamble zeroed."""
        return bytes(128) + (self.area.root / instance.file).read_bytes()[128:]

    def ready(self) -> list[UUID]:
        return self.area.ready_ids()


class EmptyDisk:
    """A file system of one terabyte with nothing on it."""

    f_frsize = 4096
    f_blocks = f_bavail = 10**12 // 4096
    f_files = f_favail = 10**6
