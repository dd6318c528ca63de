"""An answer's body, piece by piece as it comes: no slower than agreed, and no longer.

`requests` reads full chunks, so that a trickle never meets its timeout. Here every byte that comes is seen at once.
"""

import time
from collections.abc import Iterator
from http.client import HTTPException

from requests import Response
from urllib3.exceptions import HTTPError

from gateway.errors import PeerRefused, PeerUnavailable
from gateway.network.connection_errors import reason
from gateway.web.service import HttpTimeouts, Service

_PIECE_BYTES = 256 * 1024


def pieces(response: Response, service: Service, timeouts: HttpTimeouts) -> Iterator[bytes]:
    """Yield the body of an answer that is streamed. Raises PeerUnavailable where it breaks off, stalls or trickles.

    That it ends is no proof that it is whole: without a length, a cut looks like an end.
    """
    waited_seconds, received_bytes = 0.0, 0
    while True:
        began = time.monotonic()
        piece = _next_piece(response, service)
        waited_seconds += time.monotonic() - began  # what the caller does with a piece is not the service's time
        received_bytes += len(piece)
        if waited_seconds > timeouts.request_seconds(received_bytes):
            raise PeerUnavailable(f"{service} sends fewer than {timeouts.slowest_bytes_per_second:,} bytes a second")
        if not piece:
            return
        yield piece


def whole(response: Response, service: Service, timeouts: HttpTimeouts, most_bytes: int) -> bytes:
    """Return the body of an answer, from memory. Raises PeerRefused where it is longer than `most_bytes`."""
    body = bytearray()
    for piece in pieces(response, service, timeouts):
        body += piece
        if len(body) > most_bytes:
            raise PeerRefused(f"{service} answers with more than {most_bytes // 1_000_000} MB")
    return bytes(body)


def _next_piece(response: Response, service: Service) -> bytes:
    try:
        piece: bytes = response.raw.read1(_PIECE_BYTES, decode_content=True)
    except (HTTPError, HTTPException, OSError) as error:
        # `from None`, here and wherever requests and urllib3 are left: their texts quote the address with its query,
        # which may hold a patient's id, and a traceback would show them.
        raise PeerUnavailable(f"{service} broke off its answer: {reason(error)}") from None
    return piece
