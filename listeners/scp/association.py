"""One association, from the connection to its end (the acceptor's side of PS3.8 section 9.2)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from gateway.associations.contexts import refusal_of
from gateway.associations.keeper import AssociationKeeper
from gateway.config import ApplicationEntitySettings, ScpSettings
from gateway.dicom.status_codes import UNRECOGNIZED_OPERATION
from gateway.dimse.association_answer import encode_rejection
from gateway.dimse.association_request import (
    LONGEST_REQUEST_BYTES,
    AssociationRequest,
    RequestHead,
    decode_head,
    decode_request,
)
from gateway.dimse.command import Command, CommandField, Status
from gateway.dimse.connection import Connection, ConnectionEnded, PduType, UnexpectedPdu
from gateway.errors import NoRoom, SpoolFailed
from gateway.receiving.answers import SUCCESS
from gateway.receiving.association_intake import AssociationIntake
from gateway.receiving.intake import Intake
from gateway.registry import Registry
from gateway.registry.admission import Codes, Rejection, no_storage
from listeners.scp.account import Account, PeerAborted, is_a_look
from listeners.scp.messages import Messages
from listeners.scp.negotiation import accept, judge_head, judge_request
from listeners.scp.pace import SlowestRate, Turns
from listeners.scp.places import Admission
from listeners.scp.store import Discarding, Sink, Store
from listeners.scp.store_times import StoreTimes

log = structlog.get_logger(__name__)

_LINGER_SECONDS = 5.0
_RELEASE_RP = bytes((PduType.A_RELEASE_RP, 0, 0, 0, 0, 4, 0, 0, 0, 0))


@dataclass(frozen=True, slots=True)
class ReceiverContext:
    """What every association of a receiver needs."""

    settings: ScpSettings
    registry: Registry
    intake: Intake
    admission: Admission
    keeper: AssociationKeeper
    store_times: StoreTimes = field(default_factory=StoreTimes)
    turns: Turns = field(default_factory=Turns)


class IncomingAssociation:
    """A connection that wants to become an association; `run` returns when it has ended.

    `accepted` is called as soon as it is one.
    """

    def __init__(
        self,
        services: ReceiverContext,
        connection: Connection,
        address: str,
        port: int,
        accepted: Callable[[], None] = lambda: None,
    ) -> None:
        self._services = services
        self._accepted = accepted
        self._settings = services.settings
        self._connection = connection
        self._log = log.bind(address=address)
        self._address = address
        self._account = Account(address, port, services.intake.clock.time_ns())

    def run(self) -> None:
        """Serve the peer. Whatever it does wrong ends this association, is logged and kept, and touches no other."""
        linger_seconds, is_kept = _LINGER_SECONDS, True
        try:
            self._attend()
        except UnexpectedPdu as error:
            self._log.warning("association aborted", reason=str(error))
            self._account.aborted_here(str(error))
            self._abort(error.reason)
        except ConnectionEnded as error:
            is_kept = not is_a_look(error, self._account, self._connection)
            tell = self._log.warning if is_kept else self._log.debug
            tell("association broken", reason=self._account.broken(error, self._connection))
            linger_seconds = 0.0
        finally:
            if is_kept:
                self._services.keeper.note(self._account.record(self._services.intake.clock.time_ns()))
            self._connection.close(linger_seconds)

    def _attend(self) -> None:
        """Judge who asks before anything else is decoded: a stranger's request costs next to nothing."""
        pdu = self._request_pdu()
        head = decode_head(pdu)
        self._account.titles = head.titles
        self._log = self._log.bind(**head.titles._asdict())
        if rejection := judge_head(head, self._address, self._services.registry):
            self._reject(rejection)
            return
        request = decode_request(pdu)
        self._account.is_read = True
        if rejection := self._rejection(request):
            self._reject(rejection)
        elif self._services.admission.enter():
            self._accepted()
            try:
                self._serve(head, request)
            finally:
                self._services.admission.leave()
        else:
            self._reject(Rejection(Codes.LOCAL_LIMIT, "scp.max_associations are open"))

    def _request_pdu(self) -> memoryview:
        seconds = self._settings.artim_seconds
        if self._services.registry.is_stranger(self._address):
            seconds = min(seconds, self._settings.stranger_artim_seconds)
        kind, pdu = self._connection.read_pdu(seconds, LONGEST_REQUEST_BYTES)
        if kind != PduType.A_ASSOCIATE_RQ:
            raise UnexpectedPdu("the connection does not begin with an association request", reason=2)
        return pdu

    def _rejection(self, request: AssociationRequest) -> Rejection | None:
        if rejection := judge_request(request):
            return rejection
        try:
            self._services.intake.check()
        except (NoRoom, SpoolFailed) as error:
            return no_storage(error)
        return None

    def _reject(self, rejection: Rejection) -> None:
        self._log.warning("association rejected", codes=str(rejection.codes), reason=rejection.reason)
        self._account.rejected(rejection)
        self._connection.send(encode_rejection(*rejection.codes.value), self._settings.idle_seconds)

    def _serve(self, head: RequestHead, request: AssociationRequest) -> None:
        answer, contexts, proposed = accept(head, request, self._settings.max_pdu_bytes)
        entity = self._services.registry.entities[head.titles.called_ae]
        intake = AssociationIntake(self._services.intake)
        operations = _Operations(intake, entity, head.titles.calling_ae)
        account = self._account
        account.association_id, account.store = intake.association_id, operations.store
        account.proposed, account.accepted = proposed, len(contexts)
        messages = Messages(contexts, operations.begin, self._answered, self._services.turns)
        if contexts:  # else it is a refusal, and many of those are one record
            clock = self._services.intake.clock
            self._services.keeper.opened(account.association_id, lambda: account.so_far(clock.time_ns()))
        began = time.monotonic()
        try:
            self._connection.send(answer, self._settings.idle_seconds)
            self._converse(messages, intake)
        finally:
            messages.abandon()
            intake.end()
            self._tell_end(round(time.monotonic() - began, 3))

    def _tell_end(self, seconds: float) -> None:
        account = self._account
        assert account.store
        about: dict[str, object] = dict(account.store.counts)
        if refusal := refusal_of(account.proposed):
            about["reason"] = refusal
        tell = self._log.info if account.accepted else self._log.warning
        tell("association ended", seconds=seconds, **about)

    def _answered(self, command: Command, status: Status, seconds: float) -> None:
        if command.field == CommandField.C_STORE_RQ:
            self._services.store_times.note(status.code, seconds)

    def _converse(self, messages: Messages, intake: AssociationIntake) -> None:
        seconds = self._settings.idle_seconds
        rate = SlowestRate(seconds, self._settings.slowest_bytes_per_second)
        while True:
            began = time.monotonic()
            kind, pdu = self._connection.read_pdu(seconds)
            if messages.is_under_way:
                rate.came(messages.ended, len(pdu), time.monotonic() - began)
            intake.heard()
            if kind == PduType.P_DATA_TF:
                for answer in messages.take(pdu):
                    self._connection.send(answer, seconds)
            elif kind == PduType.A_RELEASE_RQ:
                self._account.released()
                self._connection.send(_RELEASE_RP, seconds)
                return
            elif kind == PduType.A_ABORT:
                raise PeerAborted("the peer aborted")
            else:
                raise UnexpectedPdu(f"PDU type {kind:#04x} can't come now", reason=2)

    def _abort(self, reason: int) -> None:
        """Abort as the service provider (PS3.8 section 9.3.8)."""
        try:
            self._connection.send(bytes((PduType.A_ABORT, 0, 0, 0, 0, 4, 0, 0, 2, reason)), _LINGER_SECONDS)
        except ConnectionEnded:
            self._log.debug("the peer was gone before the abort")


class _Operations:
    """Which request is served by what."""

    def __init__(self, intake: AssociationIntake, entity: ApplicationEntitySettings, calling_ae: str) -> None:
        self.store = Store(intake, entity, calling_ae)

    def begin(self, command: Command, transfer_syntax_uid: str) -> Sink:
        match command.field:
            case CommandField.C_STORE_RQ:
                return self.store.begin(command, transfer_syntax_uid)
            case CommandField.C_ECHO_RQ:
                return Discarding(SUCCESS)
            case _:
                return Discarding(Status(UNRECOGNIZED_OPERATION))
