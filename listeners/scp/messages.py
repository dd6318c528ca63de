"""DIMSE messages out of P-DATA: fragments joined, each rule of their order kept (PS3.8 annex E, PS3.7 section 8.1)."""

import time
from collections.abc import Callable, Iterator

from gateway.dimse.command import Command, Status, encode_response
from gateway.dimse.command_decoder import CommandDecoder
from gateway.dimse.connection import UnexpectedPdu
from gateway.dimse.pdv import IS_COMMAND, IS_LAST, encode_command_pdus, fragments
from gateway.receiving.answers import SUCCESS
from listeners.scp.negotiation import Contexts
from listeners.scp.pace import SMALL_BYTES, Crumbs, Turns
from listeners.scp.store import Discarding, Sink

_LONGEST_COMMAND_BYTES = 65_536

Begin = Callable[[Command, str], Sink]
Answered = Callable[[Command, Status, float], None]
"""Told of each message that is answered, and how many seconds that took after its last fragment."""


class Messages:
    """The messages of one association. `begin` says what takes the data set of a request, or only answers it."""

    def __init__(
        self, contexts: Contexts, begin: Begin, answered: Answered = lambda *_: None, turns: Turns | None = None
    ) -> None:
        self._contexts = contexts
        self._begin = begin
        self._answered = answered
        self._crumbs = Crumbs(turns or Turns())
        self._context_id = 0  # of the message that is on its way; 0 for none
        self._decoder = CommandDecoder()
        self._encoded_command = bytearray()
        self._command: Command | None = None
        self._sink: Sink = Discarding(SUCCESS)
        self.ended = 0
        """How many have come to their end."""

    def take(self, pdu: memoryview) -> Iterator[bytes]:
        """Take the content of a P-DATA-TF PDU; yield the P-DATA-TF PDUs that answer it."""
        if not pdu:
            self._crumbs.came(0)
        for context_id, control, fragment in fragments(pdu):
            if len(fragment) < SMALL_BYTES:
                self._crumbs.came(len(fragment))
            if self._fragment(context_id, control, fragment):
                yield from self._answer()

    @property
    def is_under_way(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._context_id)

    def abandon(self) -> None:
        """The association is over in the middle of a message, perhaps: nothing stays of it."""
        self._sink.abandon()

    def _fragment(self, context_id: int, control: int, fragment: memoryview) -> bool:
        """Take one fragment; tell whether the message is whole with it."""
        if context_id not in self._contexts or (self._context_id and context_id != self._context_id):
            raise UnexpectedPdu("a fragment came on a presentation context that it can't come on", reason=6)
        self._context_id = context_id
        if bool(control & IS_COMMAND) is not (self._command is None):
            raise UnexpectedPdu("a command and a data set came in the wrong order", reason=5)
        if self._command is None:
            return self._command_fragment(fragment, last=bool(control & IS_LAST))
        self._sink.write(fragment)
        return bool(control & IS_LAST)

    def _command_fragment(self, fragment: memoryview, *, last: bool) -> bool:
        self._encoded_command += fragment
        if len(self._encoded_command) > _LONGEST_COMMAND_BYTES:
            raise UnexpectedPdu("a command set does not end", reason=6)
        if not last:
            return False
        self._command = self._decoder.decode(bytes(self._encoded_command))
        self._encoded_command.clear()
        self._sink = self._begin(self._command, self._contexts[self._context_id])
        return not self._command.has_data_set

    def _answer(self) -> Iterator[bytes]:
        assert self._command is not None
        command, context_id = self._command, self._context_id
        self._command, self._context_id = None, 0
        self.ended += 1
        began = time.monotonic()
        status = self._sink.finish()
        self._answered(command, status, time.monotonic() - began)
        if command.wants_answer:
            self._crumbs.answered()
            yield encode_command_pdus(context_id, encode_response(command, status))
