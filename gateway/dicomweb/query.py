"""QIDO-RS: is a service there, and does it hold an instance (PS3.18 section 10.6)?

What it answers names patients: it is looked at and thrown away.
"""

import json
from http import HTTPStatus
from urllib.parse import quote

from gateway.dicom.part10_file import Part10File
from gateway.dicomweb.verdicts import raise_for_status
from gateway.errors import PeerRefused, PeerUnavailable
from gateway.web.client import Client, HttpAnswer, HttpRequest

DICOM_JSON = "application/dicom+json"

_SOP_INSTANCE_UID = "00080018"
_JSON = frozenset({DICOM_JSON, "application/json"})


def probe(client: Client) -> None:
    """Ask for one study. Raises PeerUnavailable, or PeerRefused; the text says what is wrong.

    Its credentials may be good for storing and not for this: then it is refused all the same.
    """
    answer = client.ask(HttpRequest("GET", "studies?limit=1", DICOM_JSON))
    raise_for_status(client.service, answer)
    if answer.status >= 500:
        raise PeerUnavailable(f"{client.service} fails (HTTP {answer.status})")
    if not _is_query_answer(answer):
        raise PeerRefused(f"{client.service} does not answer as a DICOMweb service does (HTTP {answer.status})")


def holds_instance(client: Client, file: Part10File) -> bool:
    """Whether the service says that it holds an instance with this file's UID. Raises PeerUnavailable."""
    query = f"instances?SOPInstanceUID={quote(file.sop_instance_uid)}&limit=1"
    answer = client.ask(HttpRequest("GET", query, DICOM_JSON))
    try:
        raise_for_status(client.service, answer)
    except PeerRefused:  # it stores, and does not tell what it has
        return False
    return answer.status == HTTPStatus.OK and file.sop_instance_uid in _instances(answer.body)


def _is_query_answer(answer: HttpAnswer) -> bool:
    """200 with DICOM JSON; where nothing is found also 204, or 200 without a body."""
    if answer.status == HTTPStatus.NO_CONTENT:
        return True
    return answer.status == HTTPStatus.OK and (not answer.body or answer.headers.get_content_type() in _JSON)


def _instances(body: bytes) -> set[str]:
    """The SOP Instance UIDs that an answer names: a service that does not know the filter names others."""
    try:
        found = json.loads(body or b"[]")
        return {str(item[_SOP_INSTANCE_UID]["Value"][0]) for item in found}
    except (ValueError, RecursionError, LookupError, TypeError):
        return set()
