"""The commands of one association: most say what the one before has said."""

import struct
from typing import NamedTuple

from gateway.dimse.command import AFFECTED_SOP_INSTANCE_UID, MESSAGE_ID, Command, decode_command, value_places

_US = struct.Struct("<H")
_MOST_KNOWN = 64  # lengths of UIDs


class CommandDecoder:
    """Decodes the commands of one association.

    One that differs from an earlier one in nothing but Message ID and Affected SOP Instance UID takes a comparison
    in place of a parser.
    """

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}  # by their lengths

    def decode(self, encoded: bytes) -> Command:
        """Return the command. Raises UnexpectedPdu where the bytes are no command set."""
        known = self._known.get(len(encoded))
        if known is not None and known.is_like(encoded):
            (message_id,) = _US.unpack_from(encoded, known.message_id_at)
            instance = encoded[known.instance].rstrip(b"\0 ").decode("ascii", "replace")
            return known.command._replace(message_id=message_id, affected_sop_instance_uid=instance)
        command = decode_command(encoded)
        if len(self._known) < _MOST_KNOWN:
            self._learn(encoded, command)
        return command

    def _learn(self, encoded: bytes, command: Command) -> None:
        places = value_places(encoded)
        message_id, instance = places.get(MESSAGE_ID), places.get(AFFECTED_SOP_INSTANCE_UID)
        if message_id and instance and message_id.stop <= instance.start:
            self._known[len(encoded)] = _Known(
                encoded[: message_id.start],
                encoded[message_id.stop : instance.start],
                encoded[instance.stop :],
                message_id.start,
                instance,
                command,
            )


class _Known(NamedTuple):
    """A command that was decoded, cut where those values lie that change from one to the next."""

    before: bytes
    between: bytes
    after: bytes
    message_id_at: int
    instance: slice
    command: Command

    def is_like(self, other: bytes) -> bool:
        """Whether `other`, which is as long, says the same but for what changes."""
        return (
            other.startswith(self.before)
            and other.startswith(self.between, self.message_id_at + _US.size)
            and other.endswith(self.after)
        )
