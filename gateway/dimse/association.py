"""An association that we asked for, from the connection to its end (the requestor's side of PS3.8 section 9.2)."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from gateway.dimse.command import Response, decode_response
from gateway.dimse.connection import Connection, ConnectionEnded, PduType, PeerSilent, UnexpectedPdu
from gateway.dimse.items import ONE_AT_A_TIME
from gateway.dimse.negotiation import Acceptance, Proposal, decode_acceptance, encode_request
from gateway.dimse.pdv import IS_COMMAND, IS_LAST, fragments
from gateway.dimse.peer import Peer, Timeouts
from gateway.dimse.refusals import abort_text, rejection
from gateway.errors import PeerUnavailable
from gateway.network.connection_errors import reason

_MAX_PDU_BYTES = 16_384  # only responses come
_LONGEST_ANSWER_BYTES = 65_536  # 128 contexts, and whatever the peer says of itself
_LONGEST_RESPONSE_BYTES = 16_384
_LAST_WORDS_SECONDS = 0.1
_LINGER_SECONDS = 1.0

_RELEASE_RQ = bytes((PduType.A_RELEASE_RQ, 0, 0, 0, 0, 4, 0, 0, 0, 0))
_RELEASE_RP = bytes((PduType.A_RELEASE_RP, 0, 0, 0, 0, 4, 0, 0, 0, 0))


class _PeerAborted(ConnectionEnded):
    """The peer sent an A-ABORT. The text says what it told."""


class Association:
    """An established association.

    Every trouble ends it and is raised as PeerUnavailable; whatever was not answered then counts as not stored.
    Leaving the block releases it, or aborts it where an exception passes.
    """

    def __init__(self, connection: Connection, peer: Peer, timeouts: Timeouts) -> None:
        self._connection = connection
        self._timeouts = timeouts
        self.peer = peer
        self.is_open = True
        self.last_responses: list[Response] = []  # that lay behind the end, and were read after a send had failed
        self.acceptance = Acceptance({}, 0)

    @classmethod
    def open(
        cls, peer: Peer, timeouts: Timeouts, proposals: Sequence[Proposal], operations_at_once: int = ONE_AT_A_TIME
    ) -> Self:
        """Connect and negotiate. Raises PeerUnavailable, or PeerRefused for a rejection that waiting does not cure."""
        try:
            connection = Connection.to(peer.host, peer.port, timeouts.connect_seconds, _LONGEST_ANSWER_BYTES)
        except (OSError, UnicodeError) as error:  # a name that can't be encoded for the name service
            raise PeerUnavailable(f"{peer} can't be reached: {reason(error)}") from error
        association = cls(connection, peer, timeouts)
        with association._trouble("while the association was negotiated"):
            association._negotiate(proposals, operations_at_once)
        return association

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()

    def send(self, encoded: bytes | memoryview, deadline: float) -> None:
        """Send whole PDUs before `deadline` (monotonic)."""
        self.check_open()
        with self._trouble("while data was sent"):
            try:
                self._connection.send(encoded, self._timeouts.send_seconds, deadline)
            except ConnectionEnded as error:
                last_words = self._last_words()
                self._connection.reset()  # half a PDU may have gone out: the peer would take an abort for its rest
                if last_words is None:
                    raise
                raise last_words from error

    def read_response(self, deadline: float) -> Response:
        """Return the next response, which is whole before `deadline` (monotonic)."""
        self.check_open()
        with self._trouble("while an answer was awaited"):
            return self._read_response(deadline)

    @property
    def has_arrivals(self) -> bool:
        """Whether a read finds something without waiting: a response, or the end."""
        return self._connection.has_arrivals

    def check_open(self) -> None:
        """Raise PeerUnavailable where it has ended."""
        if not self.is_open:
            raise PeerUnavailable(f"the association with {self.peer} has ended")

    def break_rules(self, text: str) -> PeerUnavailable:
        """Abort for something that the peer may not do, and return the error to raise."""
        self.abort()
        return PeerUnavailable(f"{self.peer} broke the rules of DICOM: {text}")

    def release(self) -> None:
        """End it in good order. A peer that does not play along changes nothing of what it has answered."""
        if not self.is_open:
            return
        self.is_open = False
        deadline = time.monotonic() + self._timeouts.release_seconds
        with suppress(ConnectionEnded, UnexpectedPdu):
            self._connection.send(_RELEASE_RQ, self._timeouts.release_seconds)
            while (kind := self._read_any(deadline)[0]) != PduType.A_RELEASE_RP and time.monotonic() < deadline:
                if kind == PduType.A_RELEASE_RQ:  # both asked at once (PS3.8 section 7.2.2)
                    self._connection.send(_RELEASE_RP, self._timeouts.release_seconds)
        self._connection.close()

    def abort(self) -> None:
        """End it at once, as its user (PS3.8 section 9.3.8). Harmless where it has ended."""
        if not self.is_open:
            return
        self.is_open = False
        with suppress(ConnectionEnded):
            self._connection.send(bytes((PduType.A_ABORT, 0, 0, 0, 0, 4, 0, 0, 0, 0)), _LINGER_SECONDS)
        self._connection.close(_LINGER_SECONDS)

    def _negotiate(self, proposals: Sequence[Proposal], operations_at_once: int) -> None:
        seconds = self._timeouts.negotiate_seconds
        self._connection.send(encode_request(self.peer, proposals, _MAX_PDU_BYTES, operations_at_once), seconds)
        kind, pdu = self._read_any(time.monotonic() + seconds)
        if kind == PduType.A_ASSOCIATE_RJ and len(pdu) == 4:
            self._close()
            raise rejection(self.peer, *pdu[1:4])
        if kind != PduType.A_ASSOCIATE_AC:
            raise UnexpectedPdu(f"PDU type {kind:#04x} came where the association was to be answered", reason=2)
        self.acceptance = decode_acceptance(pdu, proposals)

    def _read_response(self, deadline: float) -> Response:
        encoded = bytearray()
        while len(encoded) < _LONGEST_RESPONSE_BYTES:
            for _, control, fragment in fragments(self._read_data(deadline)):
                if not control & IS_COMMAND:
                    raise UnexpectedPdu("data came that nobody asked for", reason=2)
                encoded += fragment
                if control & IS_LAST:
                    return decode_response(bytes(encoded))
            if time.monotonic() > deadline:
                break
        raise UnexpectedPdu("a response does not end", reason=6)

    def _read_data(self, deadline: float) -> memoryview:
        kind, pdu = self._read_any(min(deadline, time.monotonic() + self._timeouts.answer_seconds))
        if kind == PduType.A_RELEASE_RQ:
            raise ConnectionEnded("the peer released the association")
        if kind != PduType.P_DATA_TF:
            raise UnexpectedPdu(f"PDU type {kind:#04x} can't come now", reason=2)
        return pdu

    def _read_any(self, deadline: float) -> tuple[int, memoryview]:
        """Read a PDU that is not A-ABORT; that one raises ConnectionEnded."""
        kind, pdu = self._connection.read_pdu(deadline - time.monotonic())
        if kind == PduType.A_ABORT:
            raise _PeerAborted(abort_text(bytes(pdu)))
        return kind, pdu

    def _last_words(self) -> _PeerAborted | None:
        """Why the peer closed, if it said so: an A-ABORT that it sent before, behind answers, which are kept."""
        deadline = time.monotonic() + _LAST_WORDS_SECONDS
        try:
            while time.monotonic() < deadline:
                self.last_responses.append(self._read_response(deadline))
        except _PeerAborted as aborted:
            return aborted
        except (ConnectionEnded, UnexpectedPdu):
            return None
        return None

    @contextmanager
    def _trouble(self, when: str) -> Iterator[None]:
        try:
            yield
        except ConnectionEnded as error:
            if isinstance(error, PeerSilent):
                self.abort()
            self._close()
            raise PeerUnavailable(f"the association with {self.peer} broke {when}: {error}") from error
        except UnexpectedPdu as error:
            raise self.break_rules(str(error)) from error

    def _close(self) -> None:
        self.is_open = False
        self._connection.close()
