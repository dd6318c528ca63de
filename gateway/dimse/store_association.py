"""C-STORE as its user: files go out as they lie on disk (PS3.7 section 9.3.1).

As many requests are open at once as the peer grants: one where it says nothing of that (PS3.7 section D.3.3.3).

Not pynetdicom's `send_c_store`: it queues a whole file in memory, and waits for ever on a peer that stops reading.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from gateway.dicom.part10_file import Part10File
from gateway.dicom.store_outcome import StoreOutcome, outcome_of_status
from gateway.dimse.association import Association
from gateway.dimse.command import CommandField, Response, encode_store_request
from gateway.dimse.data_set_pdus import DataSetPdus
from gateway.dimse.items import ONE_AT_A_TIME
from gateway.dimse.negotiation import Answer, Proposal
from gateway.dimse.peer import Peer, Timeouts
from gateway.dimse.refusals import context_refusal
from gateway.errors import PeerUnavailable

_SMALLEST_PDU_BYTES = 8  # the headers of a fragment, and two bytes of it
_LAST_MESSAGE_ID = 0xFFFF


def proposal(file: Part10File) -> Proposal:
    """The one presentation context that a file can go out on: bytes as they are."""
    return Proposal(file.sop_class_uid, (file.transfer_syntax_uid,))


@dataclass(frozen=True, slots=True)
class _Sent:
    """A file on its way, and until when (monotonic) it is to be answered, whatever was sent before it."""

    file: Part10File
    deadline: float


class StoreAssociation:
    """An association that files are sent over. Leaving the block releases it, or aborts it where an exception passes.

    Whatever ends it early is raised as PeerUnavailable: files on their way were not answered, the next can't be sent.
    """

    def __init__(self, association: Association, timeouts: Timeouts, operations_at_once: int = ONE_AT_A_TIME) -> None:
        peer_max_pdu_bytes = association.acceptance.peer_max_pdu_bytes
        if 0 < peer_max_pdu_bytes < _SMALLEST_PDU_BYTES:
            raise association.break_rules(f"its maximum PDU length of {peer_max_pdu_bytes} holds nothing")
        self._association = association
        self._timeouts = timeouts
        self._answers = association.acceptance.answers
        self._pdus = DataSetPdus(peer_max_pdu_bytes)
        granted = association.acceptance.operations_at_once
        self._at_once = min(granted or operations_at_once, operations_at_once)
        self._on_their_way: dict[int, _Sent] = {}  # by message id
        self._answered: deque[tuple[Part10File, StoreOutcome]] = deque()
        self._last_message_id = 0

    @classmethod
    def open(
        cls, peer: Peer, timeouts: Timeouts, files: Iterable[Part10File], operations_at_once: int = ONE_AT_A_TIME
    ) -> Self:
        """Ask for an association with a context for each SOP class and transfer syntax of `files`, at most 128.

        Raises PeerUnavailable, or PeerRefused where the peer rejects it for good.
        """
        proposals: Sequence[Proposal] = list(dict.fromkeys(map(proposal, files)))
        return cls(Association.open(peer, timeouts, proposals, operations_at_once), timeouts, operations_at_once)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._association.__exit__(kind, error, traceback)

    def refusal(self, file: Part10File) -> StoreOutcome | None:
        """Why this file can't be sent over this association; None where its context is accepted."""
        answer = self._answer(file)
        if answer.is_accepted:
            return None
        any_accepted = any(other.is_accepted for other in self._answers.values())
        return context_refusal(self._association.peer, proposal(file), answer, any_accepted=any_accepted)

    @property
    def on_their_way(self) -> list[Part10File]:
        """The files that were begun and are not answered, the first first."""
        return [sent.file for sent in self._on_their_way.values()]

    @property
    def has_room(self) -> bool:
        """Whether another file may be sent before one is answered."""
        return len(self._on_their_way) < self._at_once

    def send(self, file: Part10File) -> None:
        """Send one file, whose context is accepted, while there is room; `answered` says what becomes of it.

        Answers to others that arrive meanwhile are taken: a peer that breaks off does not take them with it. Raises
        PeerUnavailable where the association ends; Damaged where the file can't be read, which ends the association
        only where a part of it had gone out.
        """
        with file.opened() as descriptor:
            message_id, deadline = self._begin(file)
            begun = False
            try:
                for piece in self._pieces(message_id, file, descriptor):
                    self._take_arrived(but_for=1)
                    self._association.send(piece, deadline)
                    begun = True
            except (OSError, EOFError):
                self._on_their_way.pop(message_id, None)
                if begun:  # nothing else can be said behind half a message
                    self._association.abort()
                raise

    def wait_for_answer(self) -> None:
        """Return when a file that is on its way is answered. Raises PeerUnavailable as `send` does."""
        if not self._answered:
            self._take_answer()

    def answered(self) -> Iterator[tuple[Part10File, StoreOutcome]]:
        """Take out what was answered up to now, though the association may have ended since."""
        late, self._association.last_responses = self._association.last_responses, []
        with suppress(PeerUnavailable):  # one that answers nothing ends what has ended
            for response in late:
                self._take(response)
        while self._answered:
            yield self._answered.popleft()

    def _begin(self, file: Part10File) -> tuple[int, float]:
        """Return a message id, and until when (monotonic) all that is on its way by now is to be answered."""
        self._association.check_open()
        self._take_arrived(but_for=0)
        now = time.monotonic()
        if any(sent.deadline < now for sent in self._on_their_way.values()):
            self._association.abort()
            raise PeerUnavailable(f"{self._association.peer} answers others, but left a file unanswered for too long")
        message_id = self._last_message_id % _LAST_MESSAGE_ID + 1
        while message_id in self._on_their_way:
            message_id = message_id % _LAST_MESSAGE_ID + 1
        self._last_message_id = message_id
        files = [*self.on_their_way, file]
        deadline = now + sum(self._timeouts.file_seconds(each.data_set_bytes) for each in files)
        self._on_their_way[message_id] = _Sent(file, deadline)
        return message_id, deadline

    def _pieces(self, message_id: int, file: Part10File, descriptor: int) -> Iterator[memoryview]:
        command = encode_store_request(message_id, file.sop_class_uid, file.sop_instance_uid)
        context_id = self._answer(file).context_id
        return self._pdus.message(context_id, command, descriptor, file.data_set_offset, file.data_set_bytes)

    def _take_arrived(self, *, but_for: int) -> None:
        """Take the answers that lie there, while more than so many files wait for theirs."""
        while len(self._on_their_way) > but_for and self._association.has_arrivals:
            self._take_answer()

    def _take_answer(self) -> None:
        self._take(self._association.read_response(min(sent.deadline for sent in self._on_their_way.values())))

    def _take(self, response: Response) -> None:
        sent = self._on_their_way.get(response.message_id)
        if sent is None or not response.answers(CommandField.C_STORE_RQ, response.message_id):
            raise self._association.break_rules(f"message {response.message_id} was answered, which is not open")
        del self._on_their_way[response.message_id]
        self._answered.append((sent.file, outcome_of_status(response.status.code, response.status.comment)))

    def release(self) -> None:
        """End the association in good order."""
        self._association.release()

    def abort(self) -> None:
        """End it at once."""
        self._association.abort()

    def _answer(self, file: Part10File) -> Answer:
        return self._answers[proposal(file)]
