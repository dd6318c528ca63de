"""An event that waits is how it is found out whether the broker takes events.

A broker that answers may take none: no queue is bound, its queue is full, or the user may not publish. Nothing in AMQP
tells that beforehand, and a message of ours that asks would reach the workflow manager. An event that waits anyway
costs nobody anything: a mandatory one comes back where no queue is bound. Where the broker takes it, its run has
nothing left to publish.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from gateway.errors import GatewayError
from gateway.events import EventPublisher
from gateway.events.outbox import Outbox
from gateway.events.port import Message
from gateway.work.waiting import WaitRow


@dataclass
class Trial:
    """Tries out the broker with one event at a time. Not for several threads."""

    outbox: Outbox
    publisher: Callable[[], EventPublisher]
    _failed: int = field(default=0, init=False)

    def in_turn(self, waiting: Sequence[WaitRow]) -> Sequence[WaitRow]:
        """Whose event is to be tried, the first that has one.

        After a failure another has its turn: one that is refused for its own sake holds up no other.
        """
        first = self._failed % len(waiting) if waiting else 0
        return [*waiting[first:], *waiting[:first]]

    def publish(self, event: Message, now: datetime) -> None:
        """Return where the broker has it. Raises BrokerUnavailable, BrokerRefused, DatabaseUnavailable."""
        try:
            with closing(self.publisher()) as publisher:
                self.outbox.try_out(publisher, event, now)
        except GatewayError:
            self._failed += 1
            raise
        self._failed = 0
