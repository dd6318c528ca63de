"""The DICOM objects of a payload, as they are stored, to registered destinations: an export as any other.

Which objects those are is looked up here, by who carries the command out: while the object store is away it stays to be
done, and no command line waits for the listing of thousands.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from gateway.destinations.registered import Destinations
from gateway.exports.ledger import ExportLedger
from gateway.exports.request import ExportRequest
from gateway.object_store import ObjectStore
from gateway.payload_commands.whereabouts import Stage, Whereabouts
from gateway.work.commands import CommandRow, NothingToDo

_NOT_YET = {
    Stage.OPEN: "it is still open, and is stored when it has closed",
    Stage.CLOSED: "it is not announced yet: what is stored of it may not be all",
}


@dataclass(frozen=True, slots=True)
class Send:
    """The export's id is the command's: carried out twice, it is one. Raises what the object store raises."""

    payloads: Whereabouts
    exports: ExportLedger
    destinations: Callable[[], Destinations]
    store: Callable[[], ObjectStore]
    only_here: ClassVar[bool] = False

    def refusal(self, work_id: UUID, destinations: Sequence[str]) -> str | None:
        registered = sorted(self.destinations().registered)
        if not destinations or not set(destinations) <= set(registered):
            told = f"registered are {', '.join(registered)}" if registered else "none is registered"
            return f"no destination of such a name: {told}" if destinations else f"no destination is named: {told}"
        return _NOT_YET.get(self.payloads.stage(work_id))

    def carry_out(self, row: CommandRow, now: datetime) -> str:
        request = self.request(row.work_id, row.destinations, row.command_id)
        self.exports.record(request, now)
        return f"export {row.command_id} sends {len(request.files)} files to {', '.join(request.destinations)}"

    def request(self, payload_id: UUID, destinations: Sequence[str], command_id: UUID) -> ExportRequest:
        """Return what such a command asks for. Raises NothingToDo, and what the object store raises."""
        files = tuple(self._dicom_objects(payload_id))
        if not files:
            raise NothingToDo("the object store has no DICOM object of it")
        return ExportRequest(
            workflow_instance_id="",
            export_task_id="",
            correlation_id=str(command_id),
            files=files,
            destinations=tuple(dict.fromkeys(destinations)),
            payload_id=str(payload_id),
            command=command_id,
        )

    def _dicom_objects(self, payload_id: UUID) -> list[str]:
        """Their keys. What workflows have stored beside them is not of the payload."""
        stored = self.store().list(f"{payload_id}/dcm/")
        return [each.key for each in stored if each.key.endswith(".dcm")]
