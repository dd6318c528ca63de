"""Whose certificates are believed."""

import ssl
from pathlib import Path

from gateway.errors import SettingsError


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Verify peers by the system's certification authorities, or by those of `ca_file` alone."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # SSLError is one
        raise SettingsError(f"ca_file {ca_file} can't be used: {error.strerror or error}") from error
