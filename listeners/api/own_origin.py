"""What a web page of somebody else's may have a browser do here: nothing (CWE-352, CWE-350).

A browser that reaches the API posts to it whatever a page of any site tells it to, as a form or as text; and a name
that its owner makes lead here turns that page into one of our own. So who wants to change something calls us by a name
that is ours, comes from no other origin, and sends what no form can send.
"""

import ipaddress
from collections.abc import Collection
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
        if not _is_named(host, self._names):
            return problem(421, detail="this gateway is not known by that name: api.allowed_hosts of its settings")
        if origin is not None and origin_of(origin) != host.lower() and not _is_listed(origin, self._listed):
            return problem(403, detail="a page of another origin may change nothing here: api.allowed_hosts")
        if _has_body(headers) and not _is_taken(headers.get("content-type", ""), scope["path"]):
            return problem(415, detail="application/json is taken")
        return None


def origin_of(origin: str) -> str:
    """The host and port of an origin, as `Host` has them; "" for one that is hidden (`null`)."""
    return urlsplit(origin).netloc.lower()


def _is_named(host: str, names: Collection[str]) -> bool:
    """Whether it is a name of ours. An address is: nobody can have one lead elsewhere."""
    name = _hostname(f"//{host}")
    return name in names or _is_address(name)


def _is_listed(origin: str, listed: Collection[str]) -> bool:
    return _hostname(origin) in listed


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


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
