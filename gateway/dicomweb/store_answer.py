"""What an answer to STOW-RS names, in JSON or in XML (PS3.18 section 10.5.3 and annex F, PS3.19 annex A.1)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

_FAILED_SOP_SEQUENCE = "00081198"
_REFERENCED_SOP_SEQUENCE = "00081199"
_OTHER_FAILURES_SEQUENCE = "0008119A"
_REFERENCED_SOP_INSTANCE_UID = "00081155"
_WARNING_REASON = "00081196"
_FAILURE_REASON = "00081197"

Item = Mapping[str, str]
"""The first value of each element of an item, by tag."""


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """Warning Reasons of what is stored and Failure Reasons of what is not, by SOP Instance UID; None where none is
    given. `unnamed_failures` are the reasons that stand beside no UID."""

    stored: Mapping[str, int | None] = field(default_factory=dict)
    failed: Mapping[str, int | None] = field(default_factory=dict)
    unnamed_failures: tuple[int | None, ...] = ()


def parse_store_answer(body: bytes) -> StoreAnswer:
    """Read an answer's body. One that names nothing, or can't be read, gives an empty answer.

    Its first character decides, not its Content-Type: there are servers that give none.
    """
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    sequences = _from_json(text) if text[:1] in {b"{", b"["} else _from_xml(text)
    failures = [*sequences.get(_FAILED_SOP_SEQUENCE, []), *sequences.get(_OTHER_FAILURES_SEQUENCE, [])]
    return StoreAnswer(
        stored=_by_uid(sequences.get(_REFERENCED_SOP_SEQUENCE, []), _WARNING_REASON),
        failed=_by_uid(failures, _FAILURE_REASON),
        unnamed_failures=tuple(
            _number(item, _FAILURE_REASON) for item in failures if not item.get(_REFERENCED_SOP_INSTANCE_UID)
        ),
    )


def _by_uid(items: Iterable[Item], reason: str) -> dict[str, int | None]:
    named = ((item.get(_REFERENCED_SOP_INSTANCE_UID, ""), _number(item, reason)) for item in items)
    return {uid: number for uid, number in named if uid}


def _number(item: Item, tag: str) -> int | None:
    value = item.get(tag, "")
    return int(value) if value.isascii() and value.isdigit() else None


def _from_json(text: bytes) -> dict[str, list[Item]]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    datasets = parsed if isinstance(parsed, list) else [parsed]
    return {
        tag.upper(): [_json_item(item) for item in _values(element) if isinstance(item, dict)]
        for dataset in datasets
        if isinstance(dataset, dict)
        for tag, element in dataset.items()
    }


def _json_item(item: Mapping[str, Any]) -> Item:
    return {tag.upper(): str(values[0]).strip() for tag, element in item.items() if (values := _values(element))}


def _values(element: Any) -> list[Any]:
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _from_xml(text: bytes) -> dict[str, list[Item]]:
    if b"<!DOCTYPE" in text:  # the Native DICOM Model has none, and entities that grow are declared there
        return {}
    try:
        root = ElementTree.fromstring(text)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError):  # LookupError: an encoding that nobody knows
        return {}
    return {_tag(attribute): [_xml_item(item) for item in attribute.iterfind("{*}Item")] for attribute in root}


def _xml_item(item: ElementTree.Element) -> Item:
    return {_tag(attribute): (attribute.findtext("{*}Value") or "").strip() for attribute in item}


def _tag(attribute: ElementTree.Element) -> str:
    return attribute.get("tag", "").upper()
