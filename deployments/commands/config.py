"""`mig config`: what is set, where, and what is wrong with it."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.commands.tables import AsJson, print_rows

if TYPE_CHECKING:
    from pydantic import BaseModel

    from gateway.config import Settings
    from gateway.config.toml_lines import Key

app = typer.Typer(help="The settings.", no_args_is_help=True)

MASK = "********"
_CREDENTIALS = re.compile(r"(?<=://)([^/@\s]*?)(:[^/@\s]*)?@")


@app.command()
def check(
    connect: Annotated[
        bool, typer.Option("--connect", help="Also ask database, object store, broker, Prefect and every destination.")
    ] = False,
) -> None:
    """Say what is wrong with the settings, everything at once.

    The exit code is 2 where something is, and 3 where one that is asked does not answer. Nothing is made.
    """
    from gateway.config import load_settings
    from gateway.database import check_address
    from gateway.operations.condition.site import check_account

    loaded = load_settings()
    check_address(loaded.settings.database_url)
    check_account(loaded.settings)
    typer.echo(f"{loaded.file or 'no settings file, the defaults'}: nothing is wrong")
    if connect:
        _ask_all(loaded.settings)


def _ask_all(settings: "Settings") -> None:
    from deployments.process.exit_codes import ExitCode
    from deployments.up.ports import check_ports
    from gateway.operations.condition.others import others_health
    from gateway.roles import holder

    found = others_health(settings)
    rows = [{"what": each.part, "answers": "yes" if each.up else "no", "detail": each.detail} for each in found]
    print_rows(rows, ("what", "answers", "detail"), as_json=False)
    if not any(holder(settings.data_dir, role) for role in ("up", "scp", "api")):
        check_ports(settings)
    if not all(each.up for each in found):
        raise typer.Exit(ExitCode.UNREACHABLE)


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show every setting in force, and where it comes from. Secrets are masked."""
    from gateway.config import load_settings

    loaded = load_settings()
    rows = [
        {"setting": ".".join(map(str, key)), "value": value, "origin": loaded.origin(key)}
        for key, value in _leaves(loaded.settings)
    ]
    print_rows(rows, ("setting", "value", "origin"), as_json=as_json)


def _leaves(model: "BaseModel", above: "Key" = ()) -> "Iterator[tuple[Key, Any]]":
    for name, value in model:
        yield from _flat(value, (*above, name))


def _flat(value: Any, key: "Key") -> "Iterator[tuple[Key, Any]]":
    from pydantic import BaseModel, SecretStr

    if isinstance(value, BaseModel):
        yield from _leaves(value, key)
    elif isinstance(value, tuple) and any(isinstance(item, BaseModel) for item in value):
        for number, item in enumerate(value):
            yield from _flat(item, (*key, number))
    elif isinstance(value, SecretStr):
        yield key, _masked(value.get_secret_value(), is_address=key == ("database", "url"))
    elif isinstance(value, tuple):
        yield key, list(value)
    else:
        yield key, _without_credentials(value) if isinstance(value, str) else value


def _masked(secret: str, *, is_address: bool) -> str:
    if is_address:
        return _without_credentials(secret)
    return MASK if secret else ""


def _without_credentials(text: str) -> str:
    """Mask the password of an address, e.g. postgresql+psycopg://user:********@host/database."""
    return _CREDENTIALS.sub(lambda match: f"{match[1]}:{MASK}@" if match[2] else match[0], text)
