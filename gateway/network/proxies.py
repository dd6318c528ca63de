"""Which forward proxy stands between us and what lies outside, if any.

Parts of our own (Prefect, database, broker, and the object store unless its settings say so) are never asked through
one. The variables of the environment that name proxies are taken for what lies outside only, and hidden from the
libraries that would go by them everywhere.
"""

import ipaddress
import os
from base64 import b64encode
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from gateway.network.addresses import written

NO_PROXY_AT_ALL = "none"

_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_HIDDEN = "GATEWAY_OUTSIDE_"  # before a variable's name once it is hidden, for us and for our children
_THIS_HOST = ("localhost", "127.0.0.0/8", "::1")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that is spoken to in plain HTTP: with CONNECT towards https, with whole addresses towards http."""

    host: str
    port: int
    credentials: str = field(default="", repr=False)  # user:password

    def __str__(self) -> str:
        return written(self.host, self.port)

    @property
    def url(self) -> str:
        """Its address, without credentials."""
        return f"http://{self}"

    @property
    def address(self) -> str:
        """Its address as settings have it: with credentials."""
        name, colon, password = self.credentials.partition(":")
        return f"http://{quote(name)}{colon}{quote(password)}{'@' if name else ''}{self}"

    @property
    def headers(self) -> dict[str, str]:
        """What lets us in (RFC 9110 section 11.7.2), where it is needed."""
        if not self.credentials:
            return {}
        return {"Proxy-Authorization": f"Basic {b64encode(self.credentials.encode()).decode('ascii')}"}

    @classmethod
    def at(cls, address: str) -> Self:
        """Read `http://[user:password@]host:port`. Raises ValueError, whose text quotes nothing."""
        parts = urlsplit(address if "://" in address else f"http://{address}")
        if parts.scheme != "http":
            raise ValueError("a proxy's address begins with http://, whatever is asked through it")
        try:
            host, port = parts.hostname, parts.port or 80
        except ValueError:
            raise ValueError("a proxy's port is a number up to 65535") from None
        if not host or parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise ValueError("a proxy's address is http://host:port, with user:password@ before the host where needed")
        name = unquote(parts.username or "")
        return cls(host, port, f"{name}:{unquote(parts.password or '')}" if name else "")


def proxy_at(address: str) -> Proxy | None:
    """Return the proxy that a setting names; None where it is empty, or says that there is none."""
    return None if address in {"", NO_PROXY_AT_ALL} else Proxy.at(address)


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies of what lies outside. `no_proxy` has the hosts that are asked directly; this host always is."""

    http: Proxy | None = None
    https: Proxy | None = None
    no_proxy: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.http or self.https)

    def towards(self, url: str) -> Proxy | None:
        """Return the proxy through which an address is asked; None: directly."""
        address = urlsplit(url)
        proxy = self.https if address.scheme == "https" else self.http
        host = (address.hostname or "").rstrip(".")
        if proxy is None or any(_covers(entry, host, address.port) for entry in (*_THIS_HOST, *self.no_proxy)):
            return None
        return proxy


@dataclass(frozen=True, slots=True)
class EnvironmentProxies:
    """What the environment names. `unusable` has the names of variables whose proxies can't be used."""

    proxies: Proxies
    unusable: Sequence[str]


def environment_proxies(environment: Mapping[str, str] = os.environ) -> EnvironmentProxies:
    """Read the variables that curl and others go by, in either case, hidden or not."""
    found: dict[str, Proxy] = {}
    unusable = []
    for name in _VARIABLES[:3]:
        if address := _value(environment, name):
            try:
                found[name] = Proxy.at(address)
            except ValueError:
                unusable.append(name)
    otherwise = found.get("ALL_PROXY")
    no_proxy = tuple(filter(None, (entry.strip() for entry in _value(environment, "NO_PROXY").split(","))))
    proxies = Proxies(found.get("HTTP_PROXY", otherwise), found.get("HTTPS_PROXY", otherwise), no_proxy)
    return EnvironmentProxies(proxies, unusable)


def hide_environment_proxies(environment: MutableMapping[str, str] = os.environ) -> None:
    """Put the variables out of the sight of libraries, in this process and its children.

    To be called before any of those is imported. NO_PROXY would not do: with a SOCKS proxy in ALL_PROXY httpx wants a
    package for it, whoever is excepted.
    """
    for name in _VARIABLES:
        value = _value(environment, name)
        for variable in (name, name.lower()):
            environment.pop(variable, None)
        if value:
            environment[_HIDDEN + name] = value


def _value(environment: Mapping[str, str], name: str) -> str:
    names: Iterable[str] = (_HIDDEN + name, name.lower(), name)
    return next((environment[each] for each in names if environment.get(each)), "")


def _covers(entry: str, host: str, port: int | None) -> bool:
    """Whether an entry of `no_proxy` means this host: a name and all below it, an address, a network; `*` any."""
    if entry == "*":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    name, _, only_port = entry.partition(":") if entry.count(":") == 1 else (entry, "", "")
    if only_port and only_port != str(port or ""):
        return False
    name = name.lower().removeprefix("*").strip(".").strip("[]")
    return bool(name) and (host == name or host.endswith(f".{name}"))
