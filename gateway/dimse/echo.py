"""C-ECHO: does a peer answer, and would it have us (PS3.4 annex A, PS3.7 section 9.3.5)?"""

import time

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from gateway.dicom.dictionary import VERIFICATION
from gateway.dimse.association import Association
from gateway.dimse.command import CommandField, encode_echo_request
from gateway.dimse.negotiation import Proposal
from gateway.dimse.pdv import encode_command_pdus
from gateway.dimse.peer import Peer, Timeouts
from gateway.errors import PeerRefused

_VERIFICATION = Proposal(VERIFICATION, (str(ImplicitVRLittleEndian), str(ExplicitVRLittleEndian)))
_MESSAGE_ID = 1


def echo(peer: Peer, timeouts: Timeouts) -> None:
    """Ask for verification. Raises PeerUnavailable, or PeerRefused; the text says what is wrong."""
    with Association.open(peer, timeouts, [_VERIFICATION]) as association:
        deadline = time.monotonic() + timeouts.answer_seconds
        answer = association.acceptance.answers[_VERIFICATION]
        if not answer.is_accepted:
            raise PeerRefused(f"{peer} takes associations, but no verification (C-ECHO)")
        command = encode_echo_request(_MESSAGE_ID, VERIFICATION)
        association.send(encode_command_pdus(answer.context_id, command), deadline)
        response = association.read_response(deadline)
        if not response.answers(CommandField.C_ECHO_RQ, _MESSAGE_ID):
            raise association.break_rules("it answered something else than the echo")
        if response.status.code:
            raise PeerRefused(f"{peer} answers the verification with status {response.status.code:04X}")
