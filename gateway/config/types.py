"""The kinds of value that settings are made of, each with the rule that it must keep."""

import ipaddress
import re
from collections.abc import Callable, Hashable, Iterable
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from gateway.network.addresses import fault_of_service_url
from gateway.network.proxies import NO_PROXY_AT_ALL, Proxy

_Item = TypeVar("_Item")

_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*\.?")
_UID = re.compile(r"(?=.{1,64}$)\d+(\.\d+)*")


def _ae_title(value: str) -> str:
    title = value.strip(" ")
    if not 1 <= len(title) <= 16 or "\\" in title or not title.isascii() or not title.isprintable():
        raise ValueError("an AE title has 1 to 16 printable characters (PS3.5 6.2)")
    return title


def _host(value: str) -> str:
    if not _is_address(value) and not _HOST_NAME.fullmatch(value):
        raise ValueError("neither an IP address nor a host name")
    return value


def as_hosts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the addresses that a setting of `Hosts` names."""
    return (value,) if isinstance(value, str) else value


def _host_or_network(value: str) -> str:
    if "/" not in value:
        return _host(value)
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        raise ValueError(f"not a network: {error}") from error


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _uid(value: str) -> str:
    if not _UID.fullmatch(value):
        raise ValueError("a UID has at most 64 digits and dots (PS3.5 9.1)")
    return value


def _service_url(value: str) -> str:
    if fault := fault_of_service_url(value):
        raise ValueError(fault)
    return value


def _proxy(value: SecretStr) -> SecretStr:
    if value.get_secret_value() not in {"", NO_PROXY_AT_ALL}:
        Proxy.at(value.get_secret_value())
    return value


AETitle = Annotated[str, AfterValidator(_ae_title)]
Host = Annotated[str, AfterValidator(_host)]
Hosts = Host | Annotated[tuple[Host, ...], Field(min_length=1)]
"""An address to listen on, or several."""

HostOrNetwork = Annotated[str, AfterValidator(_host_or_network)]
Uid = Annotated[str, AfterValidator(_uid)]
ServiceUrl = Annotated[str, AfterValidator(_service_url)]
ProxyAddress = Annotated[SecretStr, AfterValidator(_proxy)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=604_800)]
Bytes = Annotated[int, Field(ge=0)]


def unique(key: Callable[[_Item], Hashable], what: str) -> Callable[[tuple[_Item, ...]], tuple[_Item, ...]]:
    """Return a validator that refuses a list in which two items have the same `key`."""

    def check(items: tuple[_Item, ...]) -> tuple[_Item, ...]:
        repeated = sorted({str(value) for value in _repeated(map(key, items))})
        if repeated:
            raise ValueError(f"{what} {', '.join(repeated)} stands here more than once")
        return items

    return check


def _repeated(values: Iterable[Hashable]) -> Iterable[Hashable]:
    seen: set[Hashable] = set()
    for value in values:
        if value in seen:
            yield value
        seen.add(value)


GIGABYTE = 1_000_000_000


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
