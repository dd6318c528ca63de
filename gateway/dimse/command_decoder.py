"""The commands of one association: most say what the one before has said."""

from collections.abc import Mapping
from typing import NamedTuple

from gateway.dimse.command import (
    AFFECTED_SOP_INSTANCE_UID,
    MESSAGE_ID,
    Command,
    command_at,
    decode_command_uid,
    decode_number,
    value_places,
)

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
            return known.command._replace(
                message_id=decode_number(encoded[known.message_id]),
                affected_sop_instance_uid=decode_command_uid(encoded[known.instance]),
            )
        places = value_places(encoded)
        command = command_at(encoded, places)
        if len(self._known) < _MOST_KNOWN:
            self._learn(encoded, command, places)
        return command

    def _learn(self, encoded: bytes, command: Command, places: Mapping[int, slice]) -> None:
        message_id, instance = places.get(MESSAGE_ID), places.get(AFFECTED_SOP_INSTANCE_UID)
        if message_id and instance and message_id.stop <= instance.start:
            self._known[len(encoded)] = _Known(
                encoded[: message_id.start],
                encoded[message_id.stop : instance.start],
                encoded[instance.stop :],
                message_id,
                instance,
                command,
            )


class _Known(NamedTuple):
    """A command that was decoded, cut where those values lie that change from one to the next."""

    before: bytes
    between: bytes
    after: bytes
    message_id: slice
    instance: slice
    command: Command

    def is_like(self, other: bytes) -> bool:
        """Whether `other`, which is as long, says the same but for what changes."""
        return (
            other.startswith(self.before)
            and other.startswith(self.between, self.message_id.stop)
            and other.endswith(self.after)
        )
