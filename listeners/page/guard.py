"""Who may look at the page, and that a button was pressed on it.

Until the API knows who asks, the page is for this machine alone: whoever can open it can cancel and retry. A button
posts a token that another site's page can't read (CWE-352).
"""

import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs

from fastapi import HTTPException, Request

PROOF = "token"
_MOST_FIELDS = 20


@dataclass(frozen=True, slots=True)
class Guard:
    """One for each process: a page that is older than the process has to be loaded again before its buttons work."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    async def only_here(self, request: Request) -> None:
        """Let in who asks from this machine. Raises HTTPException 403."""
        if request.client is None or not _is_loopback(request.client.host):
            raise HTTPException(
                HTTPStatus.FORBIDDEN,
                "The page is shown on the gateway's own machine only, as long as the API asks nobody who he is: open "
                "it there, or through a tunnel (ssh -L).",
            )

    async def pressed(self, request: Request) -> dict[str, str]:
        """Return the fields of a form that was posted from a page of ours. Raises HTTPException 403."""
        form = parse_qs((await request.body()).decode("ascii", "replace"), max_num_fields=_MOST_FIELDS)
        fields = {name: values[0] for name, values in form.items()}
        if not hmac.compare_digest(fields.get(PROOF, ""), self.token):
            raise HTTPException(HTTPStatus.FORBIDDEN, "The page is older than the gateway, load it again.")
        return fields


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
