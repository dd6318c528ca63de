"""A flow whose import takes a while: its run stays Pending for as long."""

import time

from prefect import flow

time.sleep(5)


@flow(name="example-slow-to-import")
def slow_to_import() -> None:
    """Do nothing, late."""
