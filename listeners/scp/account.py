"""What is told of a connection, at its end and before: who came, how it ended, what was taken and what refused."""

from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from gateway.associations.record import AssociationRecord, ContextRecord, Outcome, plain
from gateway.dicom.status_codes import SUCCESS
from gateway.dimse.association_request import UNNAMED, Titles
from gateway.dimse.connection import Connection, ConnectionEnded, PeerClosed, PeerSilent, PeerSlow
from gateway.registry.admission import Rejection
from listeners.scp.store import Store

_FAILED_HERE = "the receiver failed: its log has the error"


class PeerAborted(ConnectionEnded):
    """An A-ABORT has come."""


@dataclass(slots=True)
class Account:
    """Filled while a connection is served, by its thread alone; any may read. The first end that is noted stands."""

    address: str
    port: int
    began_ns: int
    titles: Titles = UNNAMED
    is_read: bool = False  # the request, or as much of it as was needed to reject it
    association_id: UUID = field(default_factory=uuid4)
    proposed: tuple[ContextRecord, ...] = ()
    accepted: int = 0  # of them
    store: Store | None = None
    _outcome: Outcome | None = None
    _reason: str = ""
    _codes: str = ""

    def released(self) -> None:
        """The peer has asked for the end."""
        self._end(Outcome.RELEASED)

    def rejected(self, rejection: Rejection) -> None:
        self.is_read = True
        self._codes = str(rejection.codes)
        self._end(Outcome.REJECTED, rejection.reason)

    def aborted_here(self, reason: str) -> None:
        self._end(Outcome.ABORTED_HERE, reason)

    def broken(self, error: ConnectionEnded, connection: Connection) -> str:
        """Nothing more comes from the peer; return why."""
        reason = connection.broken_off or str(error)
        if connection.broken_off:
            self._end(Outcome.STOPPED, reason)
        elif isinstance(error, PeerAborted):
            self._end(Outcome.ABORTED_BY_PEER, reason)
        else:
            self._end(Outcome.TIMED_OUT if isinstance(error, PeerSilent | PeerSlow) else Outcome.CUT, reason)
        return reason

    def _end(self, outcome: Outcome, reason: str = "") -> None:
        if self._outcome is None:
            self._outcome, self._reason = outcome, reason

    def so_far(self, now_ns: int) -> AssociationRecord:
        """Return what is told while it is open. Costs the association's own thread nothing."""
        return replace(self.record(now_ns), outcome=Outcome.OPEN, reason="")

    def record(self, ended_ns: int) -> AssociationRecord:
        """Return what is kept. Not to be asked before the end."""
        store = self.store
        outcome, reason = (self._outcome, self._reason) if self._outcome else (Outcome.ABORTED_HERE, _FAILED_HERE)
        statuses = store.statuses() if store else {}
        return AssociationRecord(
            association_id=self.association_id,
            address=self.address,
            port=self.port,
            began_ns=self.began_ns,
            ended_ns=ended_ns,
            outcome=outcome if self.is_read else Outcome.UNHEARD,
            reason=plain(reason),
            calling_ae=plain(self.titles.calling_ae),
            called_ae=plain(self.titles.called_ae),
            codes=self._codes,
            contexts_proposed=len(self.proposed),
            contexts_accepted=self.accepted,
            contexts=self.proposed,
            stored=store.counts["stored"] if store else 0,
            refused=sum(count for code, count in statuses.items() if code != SUCCESS),
            bytes=store.counts["bytes"] if store else 0,
            statuses={f"{code:04X}": count for code, count in statuses.items()},
            payload_ids=tuple(store.payload_ids) if store else (),
        )


def is_a_look(error: ConnectionEnded, account: Account, connection: Connection) -> bool:
    """Whether somebody only looked whether the port is open, as a load balancer and `mig status` do."""
    return isinstance(error, PeerClosed) and not account.is_read and not connection.broken_off
