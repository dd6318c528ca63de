"""All resources of a type that a server has, page by page (FHIR R4 section 3.1.1).

fhirclient would follow the link to the next page to any host, with our credentials. Here it leads to the same origin,
or the search fails.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from fhirclient.models.fhirsearch import FHIRSearch

from gateway.errors import PeerRefused, PeerUnavailable
from gateway.fhir.client import FhirClient
from gateway.fhir.names import FhirFormat, FhirVersion, is_fhir_id

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class _Type:
    """What FHIRSearch needs to know of a resource type."""

    resource_type: str


def list_ids(client: FhirClient, resource_type: str, version: FhirVersion, page_size: int, most: int) -> list[str]:
    """Return the id of every resource of a type. Raises PeerRefused where there are more than `most`."""
    found: dict[str, None] = {}
    for page in _pages(client, resource_type, version, page_size):
        new = [name for name in _ids(page, resource_type) if name not in found]
        if not new:
            break
        found.update(dict.fromkeys(new))
        if len(found) > most:
            raise PeerRefused(f"{client.service} finds more than {most:,} {resource_type}, which is the bound")
    return list(found)


def _pages(client: FhirClient, resource_type: str, version: FhirVersion, page_size: int) -> Iterator[Mapping[str, Any]]:
    link: str | None = FHIRSearch(_Type(resource_type), {"_count": str(page_size)}).construct()
    while link is not None:
        page = _bundle(client, client.ask(link, FhirFormat.JSON, version, f"knows no {resource_type}"))
        yield page
        link = _next(client, page)


def _bundle(client: FhirClient, document: bytes) -> Mapping[str, Any]:
    try:
        page = json.loads(document.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        page = None
    if not isinstance(page, dict) or page.get("resourceType") != "Bundle":
        raise PeerUnavailable(f"{client.service} does not answer a search with a Bundle")
    return page


def _ids(page: Mapping[str, Any], resource_type: str) -> Iterator[str]:
    """The ids on a page. What else a server puts there, such as included resources and outcomes, is passed over."""
    for entry in _dicts(page.get("entry")):
        resource = entry.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") == resource_type:
            name = resource.get("id")
            if isinstance(name, str) and is_fhir_id(name):
                yield name


def _next(client: FhirClient, page: Mapping[str, Any]) -> str | None:
    links = [link.get("url") for link in _dicts(page.get("link")) if link.get("relation") == "next"]
    if not links or not isinstance(links[0], str):
        return None
    address = urljoin(client.base, links[0])
    if _origin(urlsplit(address)) != _origin(urlsplit(client.base)):
        raise PeerRefused(f"{client.service} continues its answer at another host or port, where it is not followed")
    return address


def _origin(address: SplitResult) -> tuple[str, str | None, int | None]:
    return address.scheme, address.hostname, address.port or _DEFAULT_PORTS.get(address.scheme)


def _dicts(items: object) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
