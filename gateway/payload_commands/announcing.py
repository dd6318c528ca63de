"""`md.workflow.request` of a payload, once more: with the same message id, and the same body to the letter."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from gateway.payload_commands.whereabouts import Stage, Whereabouts
from gateway.payloads.announcements import Announcements
from gateway.work.commands import CommandRow, NothingToDo

_NOT_YET = {
    Stage.OPEN: "it is still open, and is announced when it has closed",
    Stage.CLOSED: "it is not announced yet: its run does it",
}
_NOT_KEPT = (
    "it was announced by a version that did not keep what it said: that can't be said again to the letter; "
    "have it sent again, as another payload"
)


@dataclass(frozen=True, slots=True)
class Announce:
    """The broker may be away: the event waits in the outbox, with others that are decided."""

    payloads: Whereabouts
    announcements: Announcements
    only_here: ClassVar[bool] = False

    def refusal(self, work_id: UUID, _destinations: Sequence[str]) -> str | None:
        stage = self.payloads.stage(work_id)
        if stage is not Stage.ANNOUNCED:
            return _NOT_YET[stage]
        is_kept = self.announcements.is_kept(work_id) or self.payloads.area.announcement(work_id).exists()
        return None if is_kept else _NOT_KEPT

    def carry_out(self, row: CommandRow, now: datetime) -> str:
        if not self.announcements.say_again(row.work_id, now):
            raise NothingToDo("it is about to be announced again: that waits for the event broker")
        return "its announcement goes out again"
