"""Why a connection failed, in words for an operator, whichever library made it."""

import os
import socket
import ssl
from collections.abc import Iterator


def reason(error: BaseException) -> str:
    """Say what the system or the TLS library said at the root of `error`, e.g. "connection refused"."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"no TLS connection: {(cause.reason or 'it was cut').replace('_', ' ').lower()}"
        if isinstance(cause, socket.gaierror):
            return "its name can't be resolved"
        if isinstance(cause, TimeoutError):
            return "no answer in time"
        if isinstance(cause, OSError) and cause.strerror:
            # asyncio has texts of its own, with addresses in them.
            said = os.strerror(cause.errno) if cause.errno and cause.errno > 0 else cause.strerror
            return said[0].lower() + said[1:]
    return "the connection was cut"


def is_untrusted(error: BaseException) -> bool:
    """Whether the peer's certificate was refused: waiting does not help."""
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes(error))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception's causes, the innermost first. Some libraries keep them as arguments."""
    if error is None:
        return
    for argument in error.args:
        if isinstance(argument, BaseException):
            yield from causes(argument)
    yield from causes(error.__cause__ or (None if error.__suppress_context__ else error.__context__))
    yield error
