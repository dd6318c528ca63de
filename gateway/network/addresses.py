"""Addresses: where we listen, and who calls. IPv4 and IPv6 side by side."""

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

EVERY_IPV6 = "::"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", EVERY_IPV6: "::1"}  # noqa: S104
"""The addresses of all interfaces, each with the one by which this machine reaches itself."""

_CONNECT_SECONDS = 2.0


def plain_address(address: str) -> str:
    """Return an address as it is compared and logged: an IPv4 one that came over IPv6 is IPv4, and none has a zone."""
    bare = address.partition("%")[0]
    try:
        parsed = ipaddress.ip_address(bare)
    except ValueError:
        return bare
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def plain_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return an address or a network as addresses are compared with it; None for a host name."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return None
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is None or network.prefixlen < 96:
        return network
    return ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}")


def listen_on(hosts: Sequence[str], port: int, backlog: int) -> list[socket.socket]:
    """Return a listening socket for each host; `::` takes IPv4 as well. Raises OSError, with none left open.

    Port 0 is one that is free, the same for all of them.
    """
    listening: list[socket.socket] = []
    try:
        for host in hosts:
            listening.append(_listen(host, port, backlog))
            port = port or listening[0].getsockname()[1]
    except OSError:
        for each in listening:
            each.close()
        raise
    return listening


def written(host: str, port: int) -> str:
    """Return `host:port`, with the brackets that an IPv6 address has there."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def fault_of_service_url(url: str) -> str | None:
    """Return what is wrong with the base address of an HTTP service, quoting none of it; None where nothing is."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "the address of a service begins with http:// or https:// and a host"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "the address of a service holds characters that no address can"
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "the address of a service holds no credentials and no query"
    return None


def not_listening(hosts: Sequence[str], port: int, who: str) -> str | None:
    """Return why nobody is reached from here at one of the addresses that are listened on; None where all answer."""
    for host in hosts:
        try:
            socket.create_connection((EVERYWHERE.get(host, host), port), timeout=_CONNECT_SECONDS).close()
        except OSError as error:
            return f"{who} does not answer on {written(host, port)}: {error.strerror or error}"
    return None


def _listen(host: str, port: int, backlog: int) -> socket.socket:
    if ":" not in host:
        return socket.create_server((host, port), family=socket.AF_INET, backlog=backlog)
    both = host == EVERY_IPV6 and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=socket.AF_INET6, backlog=backlog, dualstack_ipv6=both)
