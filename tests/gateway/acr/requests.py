"""Inference requests as clients send them."""

import json
from typing import Any

Json = dict[str, Any]

ALGORITHM: Json = {"interface": "Algorithm", "connectionDetails": {"name": "lung", "id": "lung-nodules"}}
STUDY: Json = {"type": "DICOM_UID", "studies": [{"StudyInstanceUID": "1.2.1"}]}


def source(uri: str, *, interface: str = "DICOMweb", auth_type: str = "None", auth_id: str | None = None) -> Json:
    """A resource that data is fetched from, or sent to."""
    return {"interface": interface, "connectionDetails": {"uri": uri, "authType": auth_type, "authID": auth_id}}


def inference_request(*inputs: Json, sources: list[Json] | None = None, transaction_id: str = "T-1") -> Json:
    """A request that keeps all the rules: by default a study from one archive."""
    return {
        "transactionID": transaction_id,
        "priority": 128,
        "inputMetadata": {"inputs": list(inputs) or [STUDY]},
        "inputResources": [ALGORITHM, *(sources or [source("https://archive.hospital/dicom-web")])],
    }


def as_body(request: object) -> bytes:
    """The body of the POST."""
    return json.dumps(request).encode()
