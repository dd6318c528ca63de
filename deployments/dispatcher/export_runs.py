"""The runs of exports."""

from collections.abc import Sequence

from deployments.dispatcher.deployment_runs import WantedRun
from gateway.exports.states import ExportRow

_MOST_NAMES = 3


def export_run(export: ExportRow, labels: Sequence[str], files: int, work_queue: str) -> WantedRun:
    """The export's run that is next. `labels` are what its destinations are called in Prefect."""
    return WantedRun(
        idempotency_key=f"{export.export_id}:{export.attempt}",
        parameters={"export_id": str(export.export_id)},
        name=_name(export, labels, files),
        tags=sorted({f"to {label}" for label in labels}),
        work_queue=work_queue,
    )


def _name(export: ExportRow, labels: Sequence[str], files: int) -> str:
    """For the dashboard, e.g. `export → pacs, vna, 3 files, 1f3c9a2e`."""
    more = [f"{len(labels) - _MOST_NAMES} more"] if len(labels) > _MOST_NAMES else []
    places = ", ".join([*labels[:_MOST_NAMES], *more]) or "nowhere"
    return f"export → {places}, {files} file{'s' if files != 1 else ''}, {str(export.export_id)[:8]}"
