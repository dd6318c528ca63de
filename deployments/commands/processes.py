"""The processes: all in one, or each by itself."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config import Settings


def up() -> None:
    """Run everything in one.

    Prefect's server where none is configured, the receiver, the API, the dispatcher, the worker, and the
    consumer of export requests where there is a broker.
    """
    with _process("up") as settings:
        from deployments.up.up_process import serve

        serve(settings)


def scp() -> None:
    """Run the DICOM receiver."""
    import signal
    import threading

    with _process("scp") as settings:
        from listeners.scp.scp_process import serve

        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: stopping.set())
        serve(settings, stopping)


def api() -> None:
    """Run the HTTP API."""
    with _process("api") as settings:
        from listeners.api.api_process import serve

        serve(settings)


def dispatch() -> None:
    """Run the dispatcher, which asks Prefect for a run for each payload, request and export."""
    with _process("dispatch") as settings:
        from deployments.prefect_side.environment import use_prefect

        use_prefect(settings)
        from deployments.dispatcher.dispatcher_process import serve

        serve(settings)


def worker() -> None:
    """Run the worker, which carries the runs out."""
    with _process("worker") as settings:
        from deployments.prefect_side.environment import use_prefect

        _say_proxies(settings)
        use_prefect(settings)
        from deployments.worker.worker_process import serve

        serve(settings)


def exports() -> None:
    """Run the consumer of export requests, where RabbitMQ is the broker."""
    import signal
    import threading

    with _process("exports") as settings:
        from gateway.roles import only_one
        from listeners.amqp.amqp_process import serve

        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: stopping.set())
        with only_one(settings.data_dir, "exports"):
            serve(settings, stopping)


def _say_proxies(settings: "Settings") -> None:
    """Say at start through whom what lies outside is asked, and what of the environment is not gone by."""
    import structlog

    from gateway.network.proxies import environment_proxies

    log = structlog.get_logger()
    if proxies := settings.proxies:
        ways = {scheme: str(proxy) for scheme in ("http", "https") if (proxy := getattr(proxies, scheme))}
        origin = "network.proxy" if settings.network.proxy.get_secret_value() else "the environment"
        log.info("what lies outside is asked through a proxy", said_by=origin, no_proxy=list(proxies.no_proxy), **ways)
    for name in environment_proxies().unusable:
        log.warning("a proxy of the environment can't be used: it is not spoken to in plain HTTP", variable=name)


@contextmanager
def _process(role: str) -> "Iterator[Settings]":
    """Load the settings and set up the log, in which also stands what ends the process.

    Prefect must be imported after that: it reads its environment, and leaves alone a log that is set up.
    """
    from gateway.config import load_settings
    from gateway.operations.condition.site import check_account

    settings = load_settings().settings
    check_account(settings)
    gc.enable()
    from deployments.process.logging import configure_logging

    configure_logging(settings.log, role)
    import structlog
    import typer

    from deployments.process.exit_codes import ExitCode, exit_code_of
    from gateway.errors import GatewayError

    try:
        yield settings
    except GatewayError as error:
        structlog.get_logger().error(str(error))
        raise typer.Exit(exit_code_of(error)) from error
    except Exception as error:
        structlog.get_logger().exception("ended in a way that nobody foresaw")
        raise typer.Exit(ExitCode.FAILED) from error
