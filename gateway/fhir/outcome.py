"""What an OperationOutcome says of why a server refused (FHIR R4 section 2.38).

Only its issue codes are told. They are of a closed list (IssueType, a required binding), so they name nobody. Its texts
quote what was asked for, and servers put names into them.
"""

import json

from gateway.fhir.xml_values import NotXml, read_xml_values

_ISSUE_TYPES = frozenset(
    "invalid structure required value invariant security login unknown expired forbidden suppressed processing "
    "not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly "
    "business-rule conflict transient lock-error no-store exception timeout incomplete throttled informational "
    "limited-filter success".split()
)


def issue_codes(body: bytes) -> tuple[str, ...]:
    """Return the issue codes of an OperationOutcome, in JSON or XML, each once; none where it is none."""
    is_json = body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    codes = _from_json(body) if is_json else _from_xml(body)
    return tuple(dict.fromkeys(code for code in codes if code in _ISSUE_TYPES))


def _from_json(body: bytes) -> list[str]:
    try:
        content = json.loads(body)
        codes = [issue["code"] for issue in content["issue"]] if content["resourceType"] == "OperationOutcome" else []
    except (ValueError, RecursionError, LookupError, TypeError):
        return []
    return [code for code in codes if isinstance(code, str)]


def _from_xml(body: bytes) -> list[str]:
    try:
        found = read_xml_values(body, "issue/code")
    except NotXml:
        return []
    return list(found.values["issue/code"]) if found.resource_type == "OperationOutcome" else []
