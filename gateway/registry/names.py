"""The addresses of sources that are registered by name. They are renewed beside the receiver: a scanner that calls
never waits for a name server, and one that is away makes nobody a stranger.
"""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.log import Logger
from gateway.network.addresses import plain_address

Resolve = Callable[[str], frozenset[str]]

RENEW_SECONDS = 60.0
_FIRST_SECONDS = 2.0  # that a start waits for the first answers
_AT_ONCE = 8

_log = Logger(__name__)


def resolve_host(name: str) -> frozenset[str]:
    """Return the addresses of a host name; none where it does not resolve. May take as long as a name server likes."""
    try:
        return frozenset(str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
    except OSError:
        return frozenset()


class HostNames:
    """Names and the last addresses that were found for each."""

    def __init__(self, names: Iterable[str], resolve: Resolve = resolve_host, told: Path | None = None) -> None:
        """`told` is the file in which `mig status` reads which names were never resolved."""
        self._resolve, self._told = resolve, told
        self._known: dict[str, frozenset[str]] = dict.fromkeys(names, frozenset())
        self._stopping = threading.Event()
        self._looked = threading.Event()

    @property
    def never_resolved(self) -> list[str]:
        """Names of which no address was ever found: who calls from there is not known."""
        return sorted(name for name, addresses in self._known.items() if not addresses)

    def is_at(self, name: str, address: str) -> bool:
        """Whether this is one of the last known addresses of a name. At once."""
        return address in self._known.get(name, frozenset())

    def start(self) -> None:
        """Begin to renew, and wait a moment for the first answers."""
        if self._known:
            threading.Thread(target=self._run, name="names", daemon=True).start()
            self._looked.wait(_FIRST_SECONDS)

    def stop(self) -> None:
        self._stopping.set()

    def renew(self) -> None:
        """Look every name up; several at once, since one may take long."""
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for name, addresses in zip(self._known, threads.map(self._resolve, list(self._known)), strict=True):
                self._note(name, frozenset(map(plain_address, addresses)))
        self._tell()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.renew()
            self._looked.set()
            self._stopping.wait(RENEW_SECONDS)

    def _note(self, name: str, addresses: frozenset[str]) -> None:
        before = self._known[name]
        if addresses:
            self._known[name] = addresses
        elif not before and not self._looked.is_set():
            _log.warning("the name of a source was never resolved: who calls from there is rejected", name=name)
        if addresses and not before and self._looked.is_set():
            _log.info("the name of a source is resolved now", name=name)

    def _tell(self) -> None:
        if self._told is None:
            return
        self._told.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._told.with_name(f".{self._told.name}.{os.getpid()}")
        temporary.write_text(json.dumps(self.never_resolved))
        temporary.rename(self._told)


def names_never_resolved(told: Path) -> list[str]:
    """What a receiver has told of its names last."""
    try:
        found: Mapping[str, object] | list[str] = json.loads(told.read_text())
    except (OSError, ValueError):
        return []
    return [str(name) for name in found]
