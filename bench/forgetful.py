"""A receiver that keeps no association: what keeping them costs is seen beside it. `python -m bench.forgetful`."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from deployments.process.logging import configure_logging
from gateway.associations.journal import Journal
from gateway.associations.keeper import AssociationKeeper
from gateway.associations.record import AssociationRecord
from gateway.config import load_settings
from listeners.scp.scp_process import serve


class _Forgetful(AssociationKeeper):
    """Takes what a keeper takes, and drops it."""

    def opened(self, association_id: UUID, so_far: Callable[[], AssociationRecord]) -> None:
        pass

    def note(self, record: AssociationRecord) -> None:
        pass

    @contextmanager
    def running(self) -> Iterator[AssociationKeeper]:
        yield self


def _main() -> None:
    settings, stopping = load_settings().settings, threading.Event()
    configure_logging(settings.log, "scp")
    signal.signal(signal.SIGTERM, lambda _number, _frame: stopping.set())
    serve(settings, stopping, _Forgetful(Journal(settings.paths.associations)))


if __name__ == "__main__":
    _main()
