"""What a web page of somebody else's may have a browser do here: nothing (CWE-352, CWE-350).

A browser that reaches the API posts to it whatever a page of any site tells it to, as a form or as text; and a name
that its owner makes lead here turns that page into one of our own. So who wants to change something calls us by a name
that is ours, comes from no other origin, and sends what no form can send.
"""

import ipaddress
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from gateway.config.sections import ApiSettings
from listeners.api.problems import problem

PAGE = "/ui/"
"""Below are the pages for people, whose forms prove by a token where they come from."""

CHANGE_NOTHING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that are safe (RFC 9110 section 9.2.1)."""

_FORM = "application/x-www-form-urlencoded"


class OwnOrigin:
    """Judges a request by its head."""

    def __init__(self, settings: ApiSettings) -> None:
        self._listed = frozenset(map(str.lower, settings.allowed_hosts))
        self._names = {"localhost", *self._listed, *map(str.lower, settings.hosts)}

    def refusal(self, scope: Scope) -> Response | None:
        """Return what is answered in place of what was asked for; None where that may go on."""
        if scope["method"] in CHANGE_NOTHING:
            return None
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_ours(_Authority.of(f"//{host}").hostname):
            return problem(421, detail="this gateway is not known by that name: api.allowed_hosts of its settings")
        if origin is not None and not self._is_of_ours(_Authority.of(origin), host):
            return problem(403, detail="a page of another origin may change nothing here: api.allowed_hosts")
        if _has_body(headers) and not _is_taken(headers.get("content-type", ""), scope["path"]):
            return problem(415, detail="application/json is taken")
        return None

    def _is_ours(self, hostname: str) -> bool:
        """Whether it is a name of ours. An address is: nobody can have one lead elsewhere."""
        return hostname in self._names or _is_address(hostname)

    def _is_of_ours(self, origin: "_Authority", host: str) -> bool:
        return origin.netloc == host.lower() or origin.hostname in self._listed


class _Authority(NamedTuple):
    """Of a URL; "" where it has none (`null`), or can't be read."""

    netloc: str
    hostname: str

    @classmethod
    def of(cls, url: str) -> Self:
        try:
            parts = urlsplit(url)
            return cls(parts.netloc.lower(), parts.hostname or "")
        except ValueError:
            return cls("", "")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _is_taken(content_type: str, path: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    if path.startswith(PAGE):
        return kind == _FORM
    return kind in {"application/json", "text/json"} or (kind.startswith("application/") and kind.endswith("+json"))
