"""What a run says in its log, where the dashboard opens: a handful of sentences, for whoever looks at its page.

They hold ids of ours, Study Instance UIDs, counts and names of peers: nothing of a patient. Prefect's own lines are cut
by `deployments.worker.run_log`.
"""

from prefect.logging import get_run_logger


def say(sentence: str) -> None:
    """Have a sentence stand in the log of this run. It goes out with others, and asks Prefect nothing by itself."""
    get_run_logger().info("%s", sentence)


def say_failed(reason: str) -> None:
    """Say why the run has failed, and what to do."""
    get_run_logger().error("%s", failed_line(reason))


def failed_line(reason: str) -> str:
    """What the log of a run says that has failed for good."""
    return f"failed: {reason.rstrip('.')}; put it right, then Retry"
