"""C-STORE as its user: files go out as they lie on disk, one request open at a time (PS3.7 section 9.3.1).

Not pynetdicom's `send_c_store`: it queues a whole file in memory, and waits for ever on a peer that stops reading.
"""

import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from gateway.dicom.part10_file import Part10File
from gateway.dimse.association import Association
from gateway.dimse.command import CommandField, encode_store_request
from gateway.dimse.data_set_pdus import DataSetPdus
from gateway.dimse.negotiation import Answer, Proposal
from gateway.dimse.peer import Patience, Peer
from gateway.dimse.refusals import context_refusal
from gateway.store_outcome import StoreOutcome, outcome_of_status

_SMALLEST_PDU_BYTES = 8  # the headers of a fragment, and two bytes of it
_LAST_MESSAGE_ID = 0xFFFF


def proposal(file: Part10File) -> Proposal:
    """The one presentation context that a file can go out on: bytes as they are."""
    return Proposal(file.sop_class_uid, (file.transfer_syntax_uid,))


class StoreAssociation:
    """An association that files are sent over. Leaving the block releases it, or aborts it where an exception passes.

    Whatever ends it early is raised as PeerUnavailable: the file on its way was not answered, the next can't be sent.
    """

    def __init__(self, association: Association, patience: Patience) -> None:
        peer_max_pdu_bytes = association.acceptance.peer_max_pdu_bytes
        if 0 < peer_max_pdu_bytes < _SMALLEST_PDU_BYTES:
            raise association.break_rules(f"its maximum PDU length of {peer_max_pdu_bytes} holds nothing")
        self._association = association
        self._patience = patience
        self._answers = association.acceptance.answers
        self._pdus = DataSetPdus(peer_max_pdu_bytes)
        self._last_message_id = 0

    @classmethod
    def open(cls, peer: Peer, patience: Patience, files: Iterable[Part10File]) -> Self:
        """Ask for an association with a context for each SOP class and transfer syntax of `files`, at most 128.

        Raises PeerUnavailable, or PeerRefused where the peer rejects it for good.
        """
        proposals: Sequence[Proposal] = list(dict.fromkeys(map(proposal, files)))
        return cls(Association.open(peer, patience, proposals), patience)

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

    def send(self, file: Part10File) -> StoreOutcome:
        """Send one file and return what the peer answers, or why it can't be sent.

        Raises PeerUnavailable where the association ends before the answer; Damaged where the file can't be read.
        """
        if refusal := self.refusal(file):
            return refusal
        deadline = time.monotonic() + self._patience.file_seconds(file.data_set_bytes)
        message_id = self._request(file, deadline)
        return self._outcome(message_id, deadline)

    def release(self) -> None:
        """End the association in good order."""
        self._association.release()

    def abort(self) -> None:
        """End it at once."""
        self._association.abort()

    def _answer(self, file: Part10File) -> Answer:
        return self._answers[proposal(file)]

    def _request(self, file: Part10File, deadline: float) -> int:
        """Send a request and its data set; return the message id that its answer will name."""
        message_id = self._last_message_id = self._last_message_id % _LAST_MESSAGE_ID + 1
        command = encode_store_request(message_id, file.sop_class_uid, file.sop_instance_uid)
        context_id = self._answer(file).context_id
        with file.opened() as descriptor:
            pieces = self._pdus.message(context_id, command, descriptor, file.data_set_offset, file.data_set_bytes)
            for piece in pieces:
                self._association.send(piece, deadline)
        return message_id

    def _outcome(self, message_id: int, deadline: float) -> StoreOutcome:
        response = self._association.read_response(deadline)
        if not response.answers(CommandField.C_STORE_RQ, message_id):
            raise self._association.break_rules(f"message {response.message_id} was answered, not {message_id}")
        return outcome_of_status(response.status.code, response.status.comment)
