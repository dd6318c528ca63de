"""How an association request is answered: A-ASSOCIATE-AC and A-ASSOCIATE-RJ (PS3.8 sections 9.3.3 and 9.3.4)."""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from gateway import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from gateway.dimse.association_request import RequestHead
from gateway.dimse.connection import PduType
from gateway.dimse.items import APPLICATION_CONTEXT, ONE_AT_A_TIME, ItemType, item

_PDU = struct.Struct(">BxI")
_PROTOCOL_VERSION = struct.pack(">Hxx", 1)
_LENGTH = struct.Struct(">I")
_WINDOW = struct.Struct(">HH")


class AnsweredContext(NamedTuple):
    """What becomes of a proposed context. Its transfer syntax counts where it is accepted; one is always named."""

    context_id: int
    result: int
    transfer_syntax: str


def encode_acceptance(
    head: RequestHead, contexts: Iterable[AnsweredContext], max_pdu_bytes: int, operations: int | None
) -> bytes:
    """Return the A-ASSOCIATE-AC PDU. `operations` is the window that is granted, None where nobody spoke of one."""
    items = [item(ItemType.APPLICATION_CONTEXT, APPLICATION_CONTEXT.encode()), *map(_context, contexts)]
    items.append(item(ItemType.USER_INFORMATION, _user_information(max_pdu_bytes, operations)))
    body = _PROTOCOL_VERSION + head.returned + b"".join(items)
    return _PDU.pack(PduType.A_ASSOCIATE_AC, len(body)) + body


def encode_rejection(result: int, source: int, reason: int) -> bytes:
    """Return the A-ASSOCIATE-RJ PDU (PS3.8 table 9-21)."""
    return _PDU.pack(PduType.A_ASSOCIATE_RJ, 4) + bytes((0, result, source, reason))


def _context(context: AnsweredContext) -> bytes:
    transfer_syntax = item(ItemType.TRANSFER_SYNTAX, context.transfer_syntax.encode())
    return item(ItemType.ANSWERED_CONTEXT, bytes((context.context_id, 0, context.result, 0)) + transfer_syntax)


def _user_information(max_pdu_bytes: int, operations: int | None) -> bytes:
    """What we say of ourselves: the longest PDU that we take, and who made us.

    Nobody here serves operations to a peer that has called: the other way the window stays at one.
    """
    items = [
        item(ItemType.MAXIMUM_LENGTH, _LENGTH.pack(max_pdu_bytes)),
        item(ItemType.IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_CLASS_UID.encode()),
    ]
    if operations is not None:
        items.append(item(ItemType.OPERATIONS_WINDOW, _WINDOW.pack(operations, ONE_AT_A_TIME)))
    items.append(item(ItemType.IMPLEMENTATION_VERSION_NAME, IMPLEMENTATION_VERSION_NAME.encode()))
    return b"".join(items)
