"""The version of this program, and those of the files that it leaves on the disk for later ones.

A file that carries no version has version 1: version 0.1 wrote none into most. One of a later version was written by a
newer program: it is named, and left as it is.
"""

from importlib.metadata import version

from gateway.errors import FromNewerProgram


def program_version() -> str:
    """The version of this program."""
    return version("informatics-gateway")


def check_file_version(what: str, found: object, known: int) -> None:
    """Raise FromNewerProgram where `what`, a file that has the version `found`, is later than what is `known` here."""
    if isinstance(found, int) and found > known:
        raise FromNewerProgram(
            f"{what} has version {found}, and this program, gateway {program_version()}, knows version {known}: it was "
            "written by a newer program, which has to be run here. It was left as it is"
        )
