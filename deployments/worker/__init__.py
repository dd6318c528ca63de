"""The gateway's own Prefect worker: flows imported once, each run in a prestarted child.

    worker_process  `mig worker`: the process
    loop            what the worker does until it is stopped
    worker          the worker type `gateway`: claims runs, hands each to a child, reports its end
    children        the fork server and the children that wait for a run
    preload         what the fork server does once, so that no child has to
    quick_end       how the fork server ends
    child           what happens inside one
    run_log         what of Prefect's own lines stands in the log of its run
    left_runs       runs that an earlier life of this worker left behind
    cancellation    Cancel in the dashboard ends the child
    settlement      what the end of a child means for its run

The entry point `prefect.collections` names this package, so that Prefect finds the type.
"""

from deployments.worker.worker import GatewayWorker

__all__ = ["GatewayWorker"]
