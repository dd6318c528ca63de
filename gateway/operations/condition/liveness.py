"""Do all loops of this node turn? One that stands still does so for good: its process is to be started again."""

from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.disk.paths import Paths
from gateway.operations.condition.heartbeat import Beat, beats


@dataclass(frozen=True, slots=True)
class Liveness:
    """The loops of the processes that run, and the time at which they were looked at."""

    loops: tuple[Beat, ...]
    at: datetime

    @property
    def standing_still(self) -> tuple[Beat, ...]:
        return tuple(loop for loop in self.loops if loop.is_late(self.at))

    @property
    def is_live(self) -> bool:
        return not self.standing_still

    def age_seconds(self, loop: Beat) -> float:
        """How long ago a loop turned."""
        return max(0.0, (self.at - loop.last).total_seconds())


def liveness(paths: Paths, now: datetime | None = None) -> Liveness:
    """Look at every loop of the processes that run on this data directory. Who does not run is no matter of this."""
    return Liveness(tuple(beats(paths)), now or datetime.now(UTC))
