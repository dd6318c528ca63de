"""A flow whose import does not end: its run stays Pending until it is ended."""

import time

from prefect import flow

time.sleep(600)


@flow(name="example-slow-to-import")
def slow_to_import() -> None:
    """Do nothing, much later."""
