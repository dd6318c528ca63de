"""What a caller learns of files that are sent."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.dicom.part10_file import Part10File
from gateway.dicom.store_outcome import Outcome, StoreOutcome
from gateway.errors import GatewayError


@dataclass
class Sending:
    """Outcomes by SOP Instance UID, in their order, and the error that ended it, if one did."""

    outcomes: dict[str, StoreOutcome] = field(default_factory=dict)
    error: GatewayError | None = None

    @property
    def stored(self) -> list[str]:
        return [name for name, outcome in self.outcomes.items() if outcome.is_stored]

    @property
    def kinds(self) -> list[Outcome]:
        return [outcome.outcome for outcome in self.outcomes.values()]


def collect(sent: Iterator[tuple[Part10File, StoreOutcome]]) -> Sending:
    """Take all that comes, up to the end or an error."""
    sending = Sending()
    try:
        for file, outcome in sent:
            sending.outcomes[file.sop_instance_uid] = outcome
    except GatewayError as error:
        sending.error = error
    return sending
