"""A few values of a FHIR resource in XML, read without building a tree and without entities of the document's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError, XMLParser

FHIR_NAMESPACE = "http://hl7.org/fhir"


class NotXml(ValueError):
    """The document can't be read."""


@dataclass(frozen=True, slots=True)
class XmlValues:
    """The type of a resource, and the `value` attributes at the paths that were asked for, in order."""

    resource_type: str
    values: Mapping[str, Sequence[str]]


def read_xml_values(document: bytes, *paths: str) -> XmlValues:
    """Read the whole document, and return what stands at `paths`, e.g. `issue/code`. Raises NotXml.

    A document type is refused: FHIR has none (R4 section 2.6.1), and with it come entities.
    """
    target = _Target(paths)
    parser = XMLParser(target=target)  # noqa: S314 - entities are refused with the document type
    try:
        parser.feed(document)
        parser.close()
    except (ParseError, LookupError, ValueError):  # the last two: of an encoding that Python does not know
        raise NotXml("it can't be read as XML") from None
    return XmlValues(target.resource_type, target.values)


class _Target:
    """What the parser calls."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.resource_type = ""
        self.values: dict[str, list[str]] = {path: [] for path in paths}
        self._path: list[str] = []

    def doctype(self, name: str, public_id: str | None, system: str | None) -> None:
        """Called where a document type begins, before anything that it declares."""
        raise NotXml("a document type is not allowed")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        namespace, _, name = tag.removeprefix("{").partition("}")
        self._path.append(name if namespace == FHIR_NAMESPACE else "")
        if len(self._path) == 1:
            self.resource_type = self._path[0]
        found = self.values.get("/".join(self._path[1:]))
        if found is not None:
            found.append(attributes.get("value", ""))

    def end(self, tag: str) -> None:
        self._path.pop()

    def close(self) -> None:
        """Called at the end."""
