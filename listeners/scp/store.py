"""One C-STORE, from its command to its status (PS3.4 annex B.2.3)."""

from collections import Counter
from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

import structlog

from gateway.associations.record import MOST_PAYLOADS
from gateway.config import ApplicationEntitySettings
from gateway.dicom import status_codes as codes
from gateway.dicom.part10 import FileMeta
from gateway.dicom.uid import decode_uid
from gateway.dimse.command import Command, Status
from gateway.errors import GatewayError, InvalidDataSet
from gateway.receiving.answers import SUCCESS, answer_to_ignored, is_ignored, status_of
from gateway.receiving.association_intake import AssociationIntake
from gateway.receiving.reception import Reception

log = structlog.get_logger(__name__)


class Sink(Protocol):
    """What takes the fragments of one data set, and says how it ended."""

    def write(self, fragment: memoryview) -> None: ...

    def finish(self) -> Status: ...

    def abandon(self) -> None: ...


class Store:
    """The C-STORE requests of one association. `counts` tells how they ended: stored, ignored, refused, bytes.

    `payload_ids` are the payloads that were fed, in their order: the first thousand.
    """

    def __init__(self, association: AssociationIntake, entity: ApplicationEntitySettings, calling_ae: str) -> None:
        self._association = association
        self._entity = entity
        self._calling_ae = calling_ae
        self.counts: Counter[str] = Counter()
        self.payload_ids: dict[UUID, None] = {}
        self._fed_last: UUID | None = None
        self._not_stored: Counter[int] = Counter()  # by their status

    def begin(self, command: Command, transfer_syntax_uid: str) -> Sink:
        """Return what takes the data set of `command`."""
        if is_ignored(self._entity, command.affected_sop_class_uid):
            return self._ignore()
        try:
            return _Filing(self, self._reception(command, transfer_syntax_uid))
        except GatewayError as error:
            return Discarding(self.refuse(error))

    def refuse(self, error: GatewayError) -> Status:
        """Count and log an instance that is not filed; return the status that says so."""
        status = status_of(error)
        self.counts["refused"] += 1
        self._not_stored[status.code] += 1
        log.warning(
            "instance refused",
            calling_ae=self._calling_ae,
            called_ae=self._entity.ae_title,
            status=f"{status.code:04X}",
            reason=str(error),
        )
        return status

    def stored(self, size_bytes: int, payload_id: UUID) -> None:
        """Count an instance that is durable."""
        self.counts["stored"] += 1
        self.counts["bytes"] += size_bytes
        if payload_id is not self._fed_last:  # nearly all instances of an association are of one payload
            self._fed_last = payload_id
            if len(self.payload_ids) < MOST_PAYLOADS:
                self.payload_ids[payload_id] = None

    def statuses(self) -> Mapping[int, int]:
        """How many instances were answered with each status."""
        counted = self._not_stored.copy()
        counted[codes.SUCCESS] += self.counts["stored"]
        return +counted

    def _ignore(self) -> Sink:
        self.counts["ignored"] += 1
        status = answer_to_ignored(self._entity)
        self._not_stored[status.code] += 1
        return Discarding(status)

    def _reception(self, command: Command, transfer_syntax_uid: str) -> Reception:
        if not command.has_data_set:
            raise InvalidDataSet("the request has no data set")
        meta = FileMeta(
            decode_uid(command.affected_sop_class_uid.encode(), "AffectedSOPClassUID"),
            decode_uid(command.affected_sop_instance_uid.encode(), "AffectedSOPInstanceUID"),
            transfer_syntax_uid,
            self._calling_ae,
            self._entity.ae_title,
        )
        return Reception(self._association, self._entity, meta)


class _Filing:
    """A data set on its way into the spool. Once that has failed the status is known, and the rest is thrown away."""

    def __init__(self, store: Store, reception: Reception) -> None:
        """Raises what opening the reception raises."""
        self._store = store
        self._status = SUCCESS
        self._reception: Reception | None = reception.open()

    def write(self, fragment: memoryview) -> None:
        if self._reception is not None:
            try:
                self._reception.write(fragment)
            except GatewayError as error:
                self._fail(error)

    def finish(self) -> Status:
        if self._reception is not None:
            try:
                instance = self._reception.commit()
            except GatewayError as error:
                self._fail(error)
            else:
                self._store.stored(instance.bytes, self._reception.payload_id)
                self.abandon()
        return self._status

    def abandon(self) -> None:
        """Close the reception: nothing stays of what was not committed."""
        reception, self._reception = self._reception, None
        if reception is not None:
            reception.close()

    def _fail(self, error: GatewayError) -> None:
        self.abandon()
        self._status = self._store.refuse(error)


class Discarding:
    """Throws a data set away; how that is answered is known already."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def write(self, fragment: memoryview) -> None:
        """Nothing of it is kept."""

    def finish(self) -> Status:
        return self._status

    def abandon(self) -> None:
        """There is nothing to leave."""
