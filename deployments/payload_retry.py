"""Try now: the run of a payload that waits, has failed or was cancelled starts at once."""

from deployments.payload_list import ANNOUNCED, PayloadView
from deployments.run_retry import NothingToRetry, start_again


def retry_payload(view: PayloadView) -> None:
    """Have the payload's run start now. Raises NothingToRetry, and what Prefect's being away or refusing raises."""
    if view.state == ANNOUNCED:
        raise NothingToRetry(f"payload {view.id} is announced")
    if view.run_id is None:
        raise NothingToRetry(f"payload {view.id} has no run yet: the dispatcher asks for one")
    start_again(view.run_id)
