"""Command sets: Implicit VR Little Endian, group 0000 (PS3.7 section 6.3 and annex E)."""

import struct
from dataclasses import dataclass
from enum import IntEnum

from gateway.dimse.connection import UnexpectedPdu

_ELEMENT = struct.Struct("<HHI")
_NO_DATA_SET = 0x0101
_RESPONSE = 0x8000


class CommandField(IntEnum):
    """PS3.7 table E.1-1; every other request is answered with "unrecognized operation"."""

    C_STORE_RQ = 0x0001
    C_ECHO_RQ = 0x0030
    C_CANCEL_RQ = 0x0FFF


@dataclass(frozen=True, slots=True)
class Command:
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


def decode_command(encoded: bytes) -> Command:
    """Raises UnexpectedPdu where the bytes are no command set."""
    elements = _elements(encoded)
    try:
        field = _number(elements[0x0100])
        if field & _RESPONSE:
            raise UnexpectedPdu("a response came, and nothing was asked", reason=2)
        return Command(
            field=field,
            message_id=_number(elements.get(0x0110, b"\0\0")),
            has_data_set=_number(elements[0x0800]) != _NO_DATA_SET,
            affected_sop_class_uid=_uid(elements.get(0x0002, b"")),
            affected_sop_instance_uid=_uid(elements.get(0x1000, b"")),
        )
    except (KeyError, struct.error) as error:
        raise UnexpectedPdu("a command set lacks what every command has", reason=6) from error


def encode_response(command: Command, status: Status) -> bytes:
    """Return the command set that answers `command` (PS3.7 sections 9.3.1.2 and 9.3.5.2)."""
    elements = b"".join(
        (
            _element(0x0002, _padded(command.affected_sop_class_uid, b"\0")),
            _element(0x0100, struct.pack("<H", command.field | _RESPONSE)),
            _element(0x0120, struct.pack("<H", command.message_id)),
            _element(0x0800, struct.pack("<H", _NO_DATA_SET)),
            _element(0x0900, struct.pack("<H", status.code)),
            _element(0x0902, _padded(status.comment[:64], b" ")),
            _element(0x1000, _padded(command.affected_sop_instance_uid, b"\0")),
        )
    )
    return _ELEMENT.pack(0, 0, 4) + struct.pack("<I", len(elements)) + elements


def _elements(encoded: bytes) -> dict[int, bytes]:
    elements: dict[int, bytes] = {}
    at = 0
    while at < len(encoded):
        if at + _ELEMENT.size > len(encoded):
            raise UnexpectedPdu("a command set is cut off", reason=6)
        group, number, length = _ELEMENT.unpack_from(encoded, at)
        at += _ELEMENT.size
        if group or at + length > len(encoded):
            raise UnexpectedPdu("a command set can't be read", reason=6)
        elements[number] = encoded[at : at + length]
        at += length
    return elements


def _element(number: int, value: bytes) -> bytes:
    return _ELEMENT.pack(0, number, len(value)) + value if value else b""


def _padded(text: str, padding: bytes) -> bytes:
    value = text.encode("ascii", "replace")
    return value + padding * (len(value) % 2)


def _number(value: bytes) -> int:
    number: int = struct.unpack("<H", value)[0]
    return number


def _uid(value: bytes) -> str:
    return value.rstrip(b"\0 ").decode("ascii", "replace")
