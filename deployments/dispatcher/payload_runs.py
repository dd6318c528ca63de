"""The runs of received payloads."""

from deployments.dispatcher.deployment_runs import WantedRun
from gateway.payloads.payload import Payload


def payload_run(payload: Payload, attempt: int, work_queue: str) -> WantedRun:
    """The payload's run number `attempt`."""
    return WantedRun(
        idempotency_key=f"{payload.payload_id}:{attempt}",
        parameters={"payload_id": str(payload.payload_id)},
        name=_name(payload),
        tags=_tags(payload),
        work_queue=work_queue,
    )


def _name(payload: Payload) -> str:
    """For the dashboard, e.g. `MIG ← CT01, 324 instances, 1f3c9a2e`: AE titles and counts, no patient."""
    origin = payload.instances[0].origin
    count = len(payload.instances)
    instances = f"{count} instance{'s' if count != 1 else ''}"
    return f"{origin.destination} ← {origin.source}, {instances}, {str(payload.payload_id)[:8]}"


def _tags(payload: Payload) -> list[str]:
    """The AE titles, for the dashboard's filter."""
    origins = {instance.origin for instance in payload.instances}
    return sorted({f"to {origin.destination}" for origin in origins} | {f"from {origin.source}" for origin in origins})
