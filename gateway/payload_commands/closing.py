"""A group that still receives is closed now. The receiver asks no database: what it is to close lies on its spool."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from gateway.payload_commands.whereabouts import Stage, Whereabouts
from gateway.spool.owner import owner_of
from gateway.work.commands import CommandRow


@dataclass(frozen=True, slots=True)
class Close:
    """Carried out by the dispatcher beside the receiver that has the group."""

    payloads: Whereabouts
    only_here: ClassVar[bool] = True

    def refusal(self, work_id: UUID, _destinations: Sequence[str]) -> str | None:
        return None if self.payloads.stage(work_id) is Stage.OPEN else "it is closed already"

    def carry_out(self, row: CommandRow, _now: datetime) -> str:
        area = self.payloads.area
        area.ask_to_close(row.work_id)
        when = "as soon as what is on its way is there" if owner_of(area.root) else "when it runs again"
        return f"the receiver closes it, {when}"
