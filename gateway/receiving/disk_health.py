"""A disk that reported an error is out of service until a file was written, flushed and read back."""

import os
import threading
from pathlib import Path

from gateway.disk.durable import Flushing
from gateway.errors import SpoolFailed
from gateway.log import Logger

log = Logger(__name__)


class DiskHealth:
    """Whether the disk below `directory` is in service."""

    def __init__(self, directory: Path, flushing: Flushing) -> None:
        self._probe_file = directory / ".probe"
        self._flushing = flushing
        self._reason: str | None = None
        self._lock = threading.Lock()

    @property
    def in_service(self) -> bool:
        return self._reason is None

    def failed(self, error: OSError) -> None:
        """The disk reported `error`: nothing more is committed on it."""
        with self._lock:
            if self._reason is None:
                log.error("the spool is out of service", reason=error.strerror)
            self._reason = error.strerror or str(error)

    def check(self) -> None:
        """Return if the disk is in service, after a probe where it was not. Raises SpoolFailed."""
        if self._reason is None:
            return
        with self._lock:
            if self._reason is None:  # somebody else has tried it meanwhile
                return
            try:
                self._probe()
            except OSError as error:
                raise SpoolFailed(f"the spool's disk is out of service: {error.strerror or self._reason}") from error
            self._reason = None
            log.info("the spool is in service again")

    def _probe(self) -> None:
        content = os.urandom(4096)
        descriptor = os.open(self._probe_file, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            os.write(descriptor, content)
            self._flushing.flush_file(descriptor)
            if os.pread(descriptor, len(content), 0) != content:
                raise OSError(None, "what was written is not what is read")
        finally:
            os.close(descriptor)
        self._flushing.flush_directory(self._probe_file.parent)
        self._probe_file.unlink()
