"""What a run of an export tells the person at the dashboard: destinations, counts and reasons, no patients."""

from collections import Counter
from collections.abc import Mapping

from gateway.exports.settlement import DestinationResult, Settlement
from gateway.exports.states import ExportOrigin, ExportRow, SendState
from gateway.wording import counted

_LONGEST_LINE = 300


def export_report(export: ExportRow, settlement: Settlement, labels: Mapping[str, str]) -> str:
    """Return Markdown: one line for each destination, then why what is missing is missing."""
    rows = [_row(result, labels.get(result.name, result.name)) for result in settlement.destinations]
    table = ["| destination | files | stored | with a remark | not stored | sends |", "| --- |" + " ---: |" * 5, *rows]
    facts = {
        "Export": f"`{export.export_id}`",
        "Asked for by": _asked_by(export),
        "Files": f"{len(settlement.file_statuses):,}",
        "Result": f"{settlement.status}, {_told(export)}",
    }
    reasons = [f"- {line}" for line in settlement.message.splitlines()]
    told = [f"| {name} | {value} |" for name, value in facts.items()]
    return "\n".join([*table, "", *reasons, "", "| | |", "| --- | --- |", *told])


def fetched_line(fetched: int, wanted: int) -> str:
    """Say in the run's log what the object store gave."""
    return f"fetched {fetched:,} of {counted(wanted, 'file')} from the object store"


def stored_lines(settlement: Settlement, labels: Mapping[str, str]) -> list[str]:
    """Say in the run's log how much every destination has."""
    return [
        f"{result.stored:,} of {counted(len(result.sends), 'file')} stored at {labels.get(result.name, result.name)}"
        for result in settlement.destinations
    ]


def _asked_by(export: ExportRow) -> str:
    if export.origin is ExportOrigin.OPERATOR:
        return f"an operator, of payload `{export.payload_id}`"
    return f"workflow instance `{export.workflow_instance_id}`, task `{export.export_task_id}`"


def _told(export: ExportRow) -> str:
    if export.origin is ExportOrigin.OPERATOR:
        return "told to nobody outside"
    return f"told as `md.export.complete` number {export.settlements}"


def one_line(message: str) -> str:
    """The reasons of a settlement as the message of its run."""
    line = "; ".join(message.splitlines())
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…"


def _row(result: DestinationResult, label: str) -> str:
    states = Counter(send.state for send in result.sends)
    counts = (
        len(result.sends),
        result.stored,
        states[SendState.REMARKED],
        len(result.sends) - result.stored,
        sum(send.attempts for send in result.sends),
    )
    return f"| {label} | " + " | ".join(f"{number:,}" for number in counts) + " |"
