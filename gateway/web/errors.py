"""What `requests`, urllib3 and the client libraries on top of them raise, as an error of ours.

Always `from None`: their texts quote the address with its query, and in a query stands a patient's id or an accession
number. A traceback, which Prefect shows on a run's page, would print them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException

from requests import HTTPError, RequestException, Response, TooManyRedirects
from requests.exceptions import InvalidJSONError, InvalidSchema, InvalidURL
from urllib3.exceptions import HTTPError as TransportError

from gateway.errors import GatewayError, PeerRefused, PeerUnavailable
from gateway.network.connection_errors import is_untrusted, reason
from gateway.web.service import Service
from gateway.web.statuses import HttpStatus, refusal
from gateway.web.tunnel import tunnel_refusal


@contextmanager
def our_errors(service: Service, says: Mapping[int, str] | None = None) -> Iterator[None]:
    """Turn what is raised in the block into PeerUnavailable or PeerRefused; `says` as in `spoken_for`."""
    try:
        yield
    except HTTPError as error:
        raise refused_answer(service, error.response, says) from None
    except (RequestException, TransportError, HTTPException, UnicodeError, OSError) as error:
        raise _ours(service, error) from None


def refused_answer(service: Service, response: Response, says: Mapping[int, str] | None = None) -> GatewayError:
    """Return the error for an answer that is no success."""
    return refusal(service, status_of(response), says)


def status_of(response: Response, told: str = "") -> HttpStatus:
    """The status of an answer; `told` as in `HttpStatus`."""
    return HttpStatus(response.status_code, response.headers.get("Retry-After"), told)


def _ours(service: Service, error: Exception) -> GatewayError:
    if isinstance(error, InvalidJSONError):  # or it is cut: without a length nobody knows
        return PeerUnavailable(f"{service} does not answer in JSON")
    if isinstance(error, TooManyRedirects):
        return PeerRefused(f"{service} redirects without an end")
    if isinstance(error, InvalidSchema | InvalidURL):
        return PeerRefused(f"{service} redirects to an address that can't be used")
    if through_the_proxy := tunnel_refusal(str(service), service.proxy, error):
        return through_the_proxy
    if is_untrusted(error):
        return PeerRefused(f"{service} can't be used: {reason(error)}")
    return PeerUnavailable(f"{service} does not answer{service.way}: {reason(error)}")
