"""How Prefect is spoken to, by the variables of the environment that Prefect's own clients go by."""

import json
import os
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import SettingsError
from gateway.network.trust import tls_context

_ANSWER_SECONDS = 60.0  # Prefect's own default
_FALSE = {"", "0", "false", "f", "no", "n", "off"}


@dataclass(frozen=True, slots=True)
class Access:
    """What goes with every request to a server. `headers` may hold credentials."""

    tls: ssl.SSLContext
    headers: Mapping[str, str] = field(repr=False)
    answer_seconds: float


def access(api_url: str, environment: Mapping[str, str] = os.environ) -> Access:
    """Return how the server at `api_url` is spoken to. Raises SettingsError where the environment makes no sense."""
    return Access(
        tls=_trusted(environment) if api_url.startswith("https:") else _TRUSTS_NOBODY,
        headers=_custom_headers(environment) | _credentials(environment),
        answer_seconds=_answer_seconds(environment),
    )


# Where nothing is encrypted, reading the system's authorities would cost each command 30 ms.
_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _trusted(environment: Mapping[str, str]) -> ssl.SSLContext:
    ca_file = environment.get("PREFECT_API_SSL_CERT_FILE") or environment.get("SSL_CERT_FILE")
    context = tls_context(Path(ca_file) if ca_file else None)
    if environment.get("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "").lower() not in _FALSE:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    if auth_string := environment.get("PREFECT_API_AUTH_STRING"):
        return {"Authorization": f"Basic {b64encode(auth_string.encode()).decode()}"}
    if key := environment.get("PREFECT_API_KEY"):
        return {"Authorization": f"Bearer {key}"}
    return {}


def _custom_headers(environment: Mapping[str, str]) -> dict[str, str]:
    """Those that a gate before Prefect asks for, say."""
    try:
        headers = json.loads(environment.get("PREFECT_CLIENT_CUSTOM_HEADERS") or "{}")
    except ValueError:  # not chained: its text would quote what may be a credential
        headers = None
    if not isinstance(headers, dict):
        raise SettingsError("PREFECT_CLIENT_CUSTOM_HEADERS in the environment is not a JSON object")
    return {str(name): str(value) for name, value in headers.items()}


def _answer_seconds(environment: Mapping[str, str]) -> float:
    text = environment.get("PREFECT_API_REQUEST_TIMEOUT")
    try:
        return float(text) if text else _ANSWER_SECONDS
    except ValueError as error:
        raise SettingsError("PREFECT_API_REQUEST_TIMEOUT in the environment is not a number of seconds") from error
