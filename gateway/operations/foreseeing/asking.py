"""A question as somebody has typed it."""

from collections.abc import Sequence
from pathlib import Path

from gateway.dicom.dictionary import uid_of
from gateway.dicom.uid import is_uid
from gateway.errors import PermanentError
from gateway.network.addresses import plain_address, plain_network
from gateway.operations.foreseeing.foreseen import Question


class NotAsked(PermanentError):
    """What is asked for can't be understood. `field` names where."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def question(
    calling: str, called: str, address: str, sop_classes: Sequence[str] = (), files: Sequence[Path] = ()
) -> Question:
    """Return what is asked; SOP classes are named by UID or by keyword. Raises NotAsked."""
    if "/" in address or plain_network(address) is None:
        raise NotAsked("address", f"{address} is no IP address")
    return Question(calling, called, plain_address(address), [_sop_class(each) for each in sop_classes], files)


def _sop_class(text: str) -> str:
    uid = text if is_uid(text) else uid_of(text)
    if uid is None:
        raise NotAsked("sop_class", f"{text} is neither a UID nor a keyword of PS3.6")
    return uid
