"""What an export that is over comes to: one status, one for each file, and what each destination said."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.exports.states import FileStatus, SendRow


class ExportStatus(StrEnum):
    """MONAI Deploy's ExportStatus, without Unknown, which its workflow manager ignores."""

    SUCCESS = "Success"
    FAILURE = "Failure"
    PARTIAL_FAILURE = "PartialFailure"


@dataclass(frozen=True, slots=True)
class DestinationResult:
    """What became of the files at one destination. `reasons` says how many were not stored, and why."""

    name: str
    sends: Sequence[SendRow]
    reasons: Sequence[str]

    @property
    def status(self) -> ExportStatus:
        return _status([send.state.is_stored for send in self.sends])

    @property
    def stored(self) -> int:
        return sum(send.state.is_stored for send in self.sends)


@dataclass(frozen=True, slots=True)
class Settlement:
    """`message` has a line for each reason; it is empty for a success."""

    status: ExportStatus
    message: str
    file_statuses: Mapping[str, FileStatus]
    destinations: Sequence[DestinationResult]


def settlement_of(
    problem: str, paths: Sequence[str], names: Sequence[str], sends: Sequence[SendRow], labels: Mapping[str, str]
) -> Settlement:
    """Judge. The worst destination wins for each file: the highest status code."""
    statuses = dict.fromkeys(paths, FileStatus.SUCCESS if names else FileStatus.CONFIGURATION_ERROR)
    for send in sends:
        statuses[send.path] = max(statuses[send.path], _file_status(send))
    results = [_result(name, [send for send in sends if send.destination == name], labels) for name in names]
    reasons = [problem] if problem else [reason for result in results for reason in result.reasons]
    status = _status([status is FileStatus.SUCCESS for status in statuses.values()])
    return Settlement(status, "\n".join(reasons), statuses, results)


def _status(successes: Sequence[bool]) -> ExportStatus:
    if not any(successes):
        return ExportStatus.FAILURE
    return ExportStatus.SUCCESS if all(successes) else ExportStatus.PARTIAL_FAILURE


def _file_status(send: SendRow) -> FileStatus:
    if send.state.is_stored:
        return FileStatus.SUCCESS
    return send.file_status or FileStatus.UNKNOWN


def _result(name: str, sends: Sequence[SendRow], labels: Mapping[str, str]) -> DestinationResult:
    why = Counter(send.reason or "not tried" for send in sends if not send.state.is_stored)
    label = labels.get(name, name)
    reasons = [f"{label}: {count} of {len(sends)} files not stored: {reason}" for reason, count in why.most_common()]
    return DestinationResult(name, sends, reasons)
