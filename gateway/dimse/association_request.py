"""What an A-ASSOCIATE-RQ asks for (PS3.8 section 9.3.2): first who asks whom, then the rest, as frugally as it goes.

Who asks stands at fixed places, so that nothing of a stranger's request is decoded. Devices are odd, and what is odd
but clear is taken: titles and UIDs padded with NUL or blanks, items in any order, unknown ones, ones that are missing.
"""

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.dicom.uid import is_uid
from gateway.dimse.connection import UnexpectedPdu
from gateway.dimse.items import MOST_CONTEXTS, ItemReader, ItemType, uid_in

LONGEST_REQUEST_BYTES = 262_144
"""128 contexts with some forty transfer syntaxes each are shorter."""

_MOST_ITEMS = 16_384
_MOST_NAMED = 8

_VERSION = struct.Struct(">H")
_WINDOW = struct.Struct(">HH")
_CALLED_AE, _CALLING_AE = slice(4, 20), slice(20, 36)  # in the content of the PDU, PS3.8 table 9-11
_RETURNED = slice(4, 68)  # both titles and what is reserved behind them: an A-ASSOCIATE-AC repeats it
_FIXED_BYTES = 68


class Titles(NamedTuple):
    """Who asks whom, without padding; "?" stands for what no AE title may hold."""

    calling_ae: str
    called_ae: str


UNNAMED = Titles("", "")


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What stands at fixed places, whatever the rest of a request is. `returned` is repeated in its answer."""

    titles: Titles
    protocol_version: int
    returned: bytes

    @property
    def speaks_our_version(self) -> bool:
        """Each bit is a version of the protocol that the requestor speaks; of the first there is one alone."""
        return bool(self.protocol_version & 1)


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context. `transfer_syntaxes` are those that are UIDs; `abstract_syntax` is "" where none is."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AssociationRequest:
    """What is asked for. `operations` is how many the requestor wants to have open (0: no limit), None without a word.

    User identity, extended negotiation and role selection are not taken up, nor is anything that is not known here.
    """

    application_context: str
    contexts: tuple[ProposedContext, ...]
    operations: int | None


def decode_head(pdu: memoryview) -> RequestHead:
    """Read the head of an A-ASSOCIATE-RQ in the content of its PDU. Raises UnexpectedPdu where there is none."""
    if len(pdu) < _FIXED_BYTES:
        raise UnexpectedPdu("the association request is cut off", reason=6)
    titles = Titles(_title(bytes(pdu[_CALLING_AE])), _title(bytes(pdu[_CALLED_AE])))
    return RequestHead(titles, _VERSION.unpack_from(pdu)[0], bytes(pdu[_RETURNED]))


def decode_request(pdu: memoryview) -> AssociationRequest:
    """Read what follows the head. Raises UnexpectedPdu, which names what is wrong, where that can't be told.

    Of what should come once the first is taken.
    """
    reader = ItemReader(_MOST_ITEMS)
    application_context, operations = "", None
    contexts: list[ProposedContext] = []
    for kind, content in reader.items(pdu[_FIXED_BYTES:]):
        if kind == ItemType.PROPOSED_CONTEXT:
            contexts.append(_proposed_context(reader, content))
        elif kind == ItemType.APPLICATION_CONTEXT:
            application_context = application_context or uid_in(content)
        elif kind == ItemType.USER_INFORMATION and operations is None:
            operations = _operations(reader, content)
    _check_ids([context.context_id for context in contexts])
    return AssociationRequest(application_context, tuple(contexts), operations)


def _proposed_context(reader: ItemReader, content: memoryview) -> ProposedContext:
    if len(content) < 4:
        raise UnexpectedPdu("a presentation context is cut off", reason=6)
    abstract_syntax, transfer_syntaxes = "", []
    for kind, named in reader.items(content[4:]):
        if kind == ItemType.TRANSFER_SYNTAX:
            transfer_syntaxes.append(uid_in(named))
        elif kind == ItemType.ABSTRACT_SYNTAX:
            abstract_syntax = abstract_syntax or uid_in(named)
    return ProposedContext(content[0], abstract_syntax, tuple(filter(is_uid, transfer_syntaxes)))


def _operations(reader: ItemReader, content: memoryview) -> int | None:
    for kind, value in reader.items(content):
        if kind == ItemType.OPERATIONS_WINDOW and len(value) == _WINDOW.size:
            invoked: int = _WINDOW.unpack(value)[0]
            return invoked
    return None


def _check_ids(ids: Sequence[int]) -> None:
    """An answer says what became of a context by its id alone: which one is meant has to be beyond doubt."""
    even = sorted({each for each in ids if each % 2 == 0})
    repeated = sorted(each for each, times in Counter(ids).items() if times > 1)
    if even or repeated:  # as some are where there are more than 128
        wrong = [f"{_listed(even)} even"] if even else []
        wrong += [f"{_listed(repeated)} repeated"] if repeated else []
        of_many = f" among {len(ids)}, of which there may be {MOST_CONTEXTS}" if len(ids) > MOST_CONTEXTS else ""
        raise UnexpectedPdu(f"presentation context ids are wrong: {', '.join(wrong)}{of_many}", reason=6)


def _listed(ids: Sequence[int]) -> str:
    more = len(ids) - _MOST_NAMED
    return " ".join(map(str, ids[:_MOST_NAMED])) + (f" and {more} more" if more > 0 else "")


def _title(raw: bytes) -> str:
    """An AE title: some devices pad it with NUL, and what stands behind the first one means nothing."""
    text = raw.lstrip(b"\0 ").partition(b"\0")[0].decode("ascii", "replace").strip(" ")
    return "".join(each if each.isascii() and each.isprintable() and each != "\\" else "?" for each in text)
