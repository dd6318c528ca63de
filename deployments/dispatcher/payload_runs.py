"""The runs of payloads, as they are asked for and as the dashboard shows them."""

from deployments.dispatcher.runs import RunOrder
from gateway.payload import Payload


def payload_run(payload: Payload, attempt: int, work_queue: str) -> RunOrder:
    """The payload's run number `attempt`."""
    return RunOrder(
        parameters={"payload_id": str(payload.payload_id)},
        name=run_name(payload),
        tags=run_tags(payload),
        work_queue=work_queue,
        idempotency_key=f"{payload.payload_id}:{attempt}",
    )


def run_name(payload: Payload) -> str:
    """Name a run for the dashboard, e.g. `MIG ← CT01, 324 instances, 1f3c9a2e`: AE titles and counts, no patient."""
    origin = payload.instances[0].origin
    count = len(payload.instances)
    instances = f"{count} instance{'s' if count != 1 else ''}"
    return f"{origin.destination} ← {origin.source}, {instances}, {str(payload.payload_id)[:8]}"


def run_tags(payload: Payload) -> list[str]:
    """The AE titles, for the dashboard's filter."""
    origins = {instance.origin for instance in payload.instances}
    return sorted({f"to {origin.destination}" for origin in origins} | {f"from {origin.source}" for origin in origins})
