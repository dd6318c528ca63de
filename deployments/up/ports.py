"""Are the ports free that the settings name? Asked before anything is started, so that the answer is one clear line."""

import errno
import os
import socket

from deployments.up.parts import has_own_prefect
from gateway.config import Settings
from gateway.errors import SettingsError


def check_ports(settings: Settings) -> None:
    """Raises SettingsError that names the setting of each port that can't be listened on."""
    wanted = [("scp", host, settings.scp.port) for host in settings.scp.hosts]
    wanted += [("api", host, settings.api.port) for host in settings.api.hosts]
    if has_own_prefect(settings):
        wanted.append(("prefect", settings.prefect.host, settings.prefect.port))
    problems = [problem for section, host, port in wanted if (problem := _problem(section, host, port))]
    if problems:
        raise SettingsError("\n".join(problems))


def _problem(section: str, host: str, port: int) -> str | None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        return f"{section}.host: {host} is no address of this machine: {error.strerror}"
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return _in_words(error, section, host, port)
    return None


def _in_words(error: OSError, section: str, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{section}.port: port {port} is in use on this machine"
    if error.errno == errno.EACCES:
        return f"{section}.port: this user may not listen on port {port}"
    return f"{section}.host: can't listen on {host}: {os.strerror(error.errno or 0)}"
