"""What one association sends, from its first instance to its end."""

import math
from uuid import UUID

from gateway.dicom.layout import Layouts
from gateway.disk.room import LOOK_AGAIN_BYTES, LOOK_AGAIN_SECONDS
from gateway.receiving.association_files import AssociationFiles
from gateway.receiving.groups import Sender
from gateway.receiving.intake import Intake


class AssociationIntake:
    """Takes charge of what one association sends, until `end`; `heard` is called for whatever arrives.

    Used by its thread only.
    """

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.sender = Sender(intake.clock.monotonic())
        self.layouts = Layouts()
        self._looked = -math.inf  # monotonic: when we saw that there is room
        self._unseen_bytes = 0  # written since then
        self.files = AssociationFiles(intake.area)

    @property
    def association_id(self) -> UUID:
        """Names the association's directory, and the event's correlation id."""
        return self.files.association_id

    def check(self) -> None:
        """Return if another instance may come in. Raises NoRoom, or SpoolFailed while the disk is out of service."""
        self.intake.health.check()
        if self.sender.last_activity - self._looked >= LOOK_AGAIN_SECONDS:
            self._look_for_room()

    def wrote(self, count: int) -> None:
        """So many bytes more were written. Raises as `check` does."""
        self._unseen_bytes += count
        if self._unseen_bytes >= LOOK_AGAIN_BYTES:
            self._look_for_room()

    def _look_for_room(self) -> None:
        self.intake.check()
        self._looked, self._unseen_bytes = self.intake.clock.monotonic(), 0

    def heard(self) -> None:
        """Something arrived: the association's groups are held from now on."""
        self.sender.last_activity = self.intake.clock.monotonic()

    def end(self) -> None:
        """The association is over, however it ended; what was answered stays."""
        self.intake.ended(self.sender)
        self.files.close()
