"""One association, from the connection to its end (the acceptor's side of PS3.8 section 9.2)."""

import threading
import time
from dataclasses import dataclass

import structlog

from gateway.config import ApplicationEntitySettings, ScpSettings
from gateway.dicom.status_codes import UNRECOGNIZED_OPERATION
from gateway.dimse.command import Command, CommandField, Status
from gateway.dimse.connection import Connection, ConnectionEnded, PduType, PeerClosed, UnexpectedPdu
from gateway.errors import NoRoom, SpoolFailed
from gateway.receiving.association_intake import AssociationIntake
from gateway.receiving.intake import Intake
from gateway.registry import Registry
from listeners.scp.messages import Messages
from listeners.scp.negotiation import AssociationRequest, Rejection, accept, decode_request, judge
from listeners.scp.store import SUCCESS, Discarding, Sink, Store

log = structlog.get_logger(__name__)

_LINGER_SECONDS = 5.0
_RELEASE_RP = bytes((PduType.A_RELEASE_RP, 0, 0, 0, 0, 4, 0, 0, 0, 0))


@dataclass(frozen=True, slots=True)
class ReceiverContext:
    """What every association of a receiver needs."""

    settings: ScpSettings
    registry: Registry
    intake: Intake
    admission: "Admission"


class Admission:
    """How many associations are accepted at once. A connection that has not asked yet takes no place."""

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places)

    def enter(self) -> bool:
        """Take a place; False where none is left."""
        return self._places.acquire(blocking=False)

    def leave(self) -> None:
        """Give the place back."""
        self._places.release()


class IncomingAssociation:
    """A connection that wants to become an association; `run` returns when it has ended."""

    def __init__(self, services: ReceiverContext, connection: Connection, address: str) -> None:
        self._services = services
        self._settings = services.settings
        self._connection = connection
        self._log = log.bind(address=address)
        self._address = address
        self._asked = False

    def run(self) -> None:
        """Serve the peer. Whatever it does wrong ends this association, is logged and touches no other."""
        linger_seconds = _LINGER_SECONDS
        try:
            request = self._request()
            if rejection := self._rejection(request):
                self._reject(rejection)
            elif self._services.admission.enter():
                try:
                    self._serve(request)
                finally:
                    self._services.admission.leave()
            else:
                self._reject(Rejection.TOO_MANY_ASSOCIATIONS)
        except UnexpectedPdu as error:
            self._log.warning("association aborted", reason=str(error))
            self._abort(error.reason)
        except ConnectionEnded as error:
            # A load balancer or `mig status` that looks whether the port is open has nothing to ask.
            tell = self._log.debug if isinstance(error, PeerClosed) and not self._asked else self._log.warning
            tell("association broken", reason=str(error))
            linger_seconds = 0.0
        finally:
            self._connection.close(linger_seconds)

    def _request(self) -> AssociationRequest:
        kind, pdu = self._connection.read_pdu(self._settings.artim_seconds)
        self._asked = True
        if kind != PduType.A_ASSOCIATE_RQ:
            raise UnexpectedPdu("the connection does not begin with an association request", reason=2)
        request = decode_request(pdu)
        self._log = self._log.bind(calling_ae=request.calling_ae, called_ae=request.called_ae)
        return request

    def _rejection(self, request: AssociationRequest) -> Rejection | None:
        if rejection := judge(request, self._address, self._services.registry):
            return rejection
        try:
            self._services.intake.check()
        except (NoRoom, SpoolFailed) as error:
            self._log.warning("no storage left", reason=str(error))
            return Rejection.NO_ROOM
        return None

    def _reject(self, rejection: Rejection) -> None:
        self._log.warning("association rejected", codes=rejection.codes, reason=rejection.text)
        self._connection.send(rejection.encode(), self._settings.idle_seconds)

    def _serve(self, request: AssociationRequest) -> None:
        answer, contexts = accept(request, self._settings.max_pdu_bytes)
        entity = self._services.registry.entities[request.called_ae]
        intake = AssociationIntake(self._services.intake)
        operations = _Operations(intake, entity, request.calling_ae)
        messages = Messages(contexts, operations.begin)
        began = time.monotonic()
        try:
            self._connection.send(answer, self._settings.idle_seconds)
            self._converse(messages, intake)
        finally:
            messages.abandon()
            intake.end()
            seconds = round(time.monotonic() - began, 3)
            self._log.info("association ended", seconds=seconds, **operations.store.counts)

    def _converse(self, messages: Messages, intake: AssociationIntake) -> None:
        seconds = self._settings.idle_seconds
        while True:
            kind, pdu = self._connection.read_pdu(seconds)
            intake.heard()
            if kind == PduType.P_DATA_TF:
                for answer in messages.take(pdu):
                    self._connection.send(answer, seconds)
            elif kind == PduType.A_RELEASE_RQ:
                self._connection.send(_RELEASE_RP, seconds)
                return
            elif kind == PduType.A_ABORT:
                raise ConnectionEnded("the peer aborted")
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
