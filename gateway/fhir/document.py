"""Is a document the resource that was asked for? It is kept as the server wrote it; this looks for its name only.

A page of a proxy, or another resource, must not be stored under a resource's name.
"""

import json

from gateway.fhir.names import FhirFormat
from gateway.fhir.xml_values import NotXml, read_xml_values


def is_resource(document: bytes, form: FhirFormat, resource_type: str, resource_id: str) -> bool:
    """Whether `document` can be read as this resource."""
    found = _name_in_json(document) if form is FhirFormat.JSON else _name_in_xml(document)
    return found == (resource_type, resource_id)


def _name_in_json(document: bytes) -> tuple[object, object] | None:
    try:
        content = json.loads(document.decode("utf-8-sig"))
        return content["resourceType"], content["id"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None


def _name_in_xml(document: bytes) -> tuple[str, str] | None:
    try:
        found = read_xml_values(document, "id")
    except NotXml:
        return None
    return found.resource_type, next(iter(found.values["id"]), "")
