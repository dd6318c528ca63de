"""What the exit code of a command means."""

from enum import IntEnum

from gateway.errors import GatewayError, SettingsError, TransientError


class ExitCode(IntEnum):
    """As promised for every command."""

    DONE = 0
    FAILED = 1
    WRONG_USAGE = 2  # settings that can't be used as well
    UNREACHABLE = 3  # a part can't be reached


def exit_code_of(error: GatewayError) -> ExitCode:
    """The exit code of a command that `error` ended."""
    if isinstance(error, SettingsError):
        return ExitCode.WRONG_USAGE
    if isinstance(error, TransientError) and error.waits_for:
        return ExitCode.UNREACHABLE
    return ExitCode.FAILED
