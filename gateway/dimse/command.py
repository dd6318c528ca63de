"""Command sets: Implicit VR Little Endian, group 0000 (PS3.7 section 6.3 and annex E)."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from gateway.dimse.connection import UnexpectedPdu

_ELEMENT = struct.Struct("<HHI")
_US = struct.Struct("<H")
_NO_DATA_SET, _DATA_SET = 0x0101, 0x0001
_MEDIUM_PRIORITY = 0x0000
_RESPONSE = 0x8000

MESSAGE_ID, AFFECTED_SOP_INSTANCE_UID = 0x0110, 0x1000
"""Elements of group 0000."""


class CommandField(IntEnum):
    """PS3.7 table E.1-1; every other request is answered with "unrecognized operation"."""

    C_STORE_RQ = 0x0001
    C_ECHO_RQ = 0x0030
    C_CANCEL_RQ = 0x0FFF


class Command(NamedTuple):
    """What a receiver needs of a request."""

    field: int
    message_id: int
    has_data_set: bool
    affected_sop_class_uid: str
    affected_sop_instance_uid: str

    @property
    def wants_answer(self) -> bool:
        """A C-CANCEL has none, and there is nothing here that it could cancel."""
        return self.field != CommandField.C_CANCEL_RQ


@dataclass(frozen=True, slots=True)
class Status:
    """A response's Status (0000,0900) and, where something is to be said, its Error Comment (0000,0902)."""

    code: int
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """What a requestor needs of a response. Its `status` may have a comment in the peer's words."""

    field: int
    message_id: int
    status: Status

    def answers(self, field: CommandField, message_id: int) -> bool:
        """Whether this is the response to that request."""
        return self.field == field | _RESPONSE and self.message_id == message_id


def decode_command(encoded: bytes) -> Command:
    """Raises UnexpectedPdu where the bytes are no command set."""
    return command_at(encoded, value_places(encoded))


def command_at(encoded: bytes, places: Mapping[int, slice]) -> Command:
    """Return the command whose values lie at `places`. Raises UnexpectedPdu where it lacks what every command has."""
    elements = _elements(encoded, places)
    try:
        field = decode_number(elements[0x0100])
        if field & _RESPONSE:
            raise UnexpectedPdu("a response came, and nothing was asked", reason=2)
        return Command(
            field=field,
            message_id=decode_number(elements.get(MESSAGE_ID, b"\0\0")),
            has_data_set=decode_number(elements[0x0800]) != _NO_DATA_SET,
            affected_sop_class_uid=decode_command_uid(elements.get(0x0002, b"")),
            affected_sop_instance_uid=decode_command_uid(elements.get(AFFECTED_SOP_INSTANCE_UID, b"")),
        )
    except (KeyError, struct.error) as error:
        raise UnexpectedPdu("a command set lacks what every command has", reason=6) from error


def encode_response(command: Command, status: Status) -> bytes:
    """Return the command set that answers `command` (PS3.7 sections 9.3.1.2 and 9.3.5.2)."""
    instance = _padded(command.affected_sop_instance_uid, b"\0")
    before, between = _around_message_id(command.field, command.affected_sop_class_uid, status, len(instance))
    return before + _US.pack(command.message_id) + between + instance


def encode_echo_request(message_id: int, sop_class_uid: str) -> bytes:
    """Return the command set of a C-ECHO-RQ (PS3.7 section 9.3.5.1)."""
    return _command_set(
        (0x0002, _padded(sop_class_uid, b"\0")),
        (0x0100, _US.pack(CommandField.C_ECHO_RQ)),
        (0x0110, _US.pack(message_id)),
        (0x0800, _US.pack(_NO_DATA_SET)),
    )


def encode_store_request(message_id: int, sop_class_uid: str, sop_instance_uid: str) -> bytes:
    """Return the command set of a C-STORE-RQ (PS3.7 section 9.3.1.1)."""
    return _command_set(
        (0x0002, _padded(sop_class_uid, b"\0")),
        (0x0100, _US.pack(CommandField.C_STORE_RQ)),
        (0x0110, _US.pack(message_id)),
        (0x0700, _US.pack(_MEDIUM_PRIORITY)),
        (0x0800, _US.pack(_DATA_SET)),
        (0x1000, _padded(sop_instance_uid, b"\0")),
    )


def decode_response(encoded: bytes) -> Response:
    """Raises UnexpectedPdu where the bytes are no response to anything that is asked here: none has a data set."""
    elements = _elements(encoded, value_places(encoded))
    try:
        if decode_number(elements[0x0800]) != _NO_DATA_SET:
            raise UnexpectedPdu("a response announces a data set", reason=6)
        return Response(
            field=decode_number(elements[0x0100]),
            message_id=decode_number(elements[0x0120]),
            status=Status(
                decode_number(elements[0x0900]), elements.get(0x0902, b"").decode("ascii", "replace").strip(" \0")
            ),
        )
    except (KeyError, struct.error) as error:
        raise UnexpectedPdu("a response lacks what every response has", reason=6) from error


@lru_cache(maxsize=1024)  # nearly all answers of an association say the same
def _around_message_id(field: int, sop_class_uid: str, status: Status, instance_bytes: int) -> tuple[bytes, bytes]:
    """Return what stands before a response's Message ID Being Responded To, and between that and its instance."""
    before = _encoded((0x0002, _padded(sop_class_uid, b"\0")), (0x0100, _US.pack(field | _RESPONSE)))
    before += _ELEMENT.pack(0, 0x0120, _US.size)
    comment = _padded(status.comment[:64], b" ")
    between = _encoded((0x0800, _US.pack(_NO_DATA_SET)), (0x0900, _US.pack(status.code)), (0x0902, comment))
    if instance_bytes:
        between += _ELEMENT.pack(0, 0x1000, instance_bytes)
    return _group_length(len(before) + _US.size + len(between) + instance_bytes) + before, between


def _command_set(*elements: tuple[int, bytes]) -> bytes:
    encoded = _encoded(*elements)
    return _group_length(len(encoded)) + encoded


def _encoded(*elements: tuple[int, bytes]) -> bytes:
    return b"".join(_ELEMENT.pack(0, number, len(value)) + value for number, value in elements if value)


def _group_length(count: int) -> bytes:
    return _ELEMENT.pack(0, 0, 4) + struct.pack("<I", count)


def _elements(encoded: bytes, places: Mapping[int, slice]) -> dict[int, bytes]:
    return {number: encoded[place] for number, place in places.items()}


def value_places(encoded: bytes) -> dict[int, slice]:
    """Return where the value of each element of a command set lies. Raises UnexpectedPdu."""
    places: dict[int, slice] = {}
    at = 0
    while at < len(encoded):
        if at + _ELEMENT.size > len(encoded):
            raise UnexpectedPdu("a command set is cut off", reason=6)
        group, number, length = _ELEMENT.unpack_from(encoded, at)
        at += _ELEMENT.size
        if group or at + length > len(encoded):
            raise UnexpectedPdu("a command set can't be read", reason=6)
        places[number] = slice(at, at + length)
        at += length
    return places


def _padded(text: str, padding: bytes) -> bytes:
    value = text.encode("ascii", "replace")
    return value + padding * (len(value) % 2)


def decode_number(value: bytes) -> int:
    """Return a US. Raises struct.error where it is none."""
    number: int = _US.unpack(value)[0]
    return number


def decode_command_uid(value: bytes) -> str:
    """Return a UID as the peer wrote it, without its padding; it is not checked."""
    return value.rstrip(b"\0 ").decode("ascii", "replace")
