"""`mig spool`: what lies on this node's spool, and any of it as a DICOM file."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from deployments.commands.site import site_settings
from deployments.commands.tables import AsJson, print_rows, the_one

if TYPE_CHECKING:
    from gateway.spool.area import SpoolArea

app = typer.Typer(help="What lies on this node's spool.", no_args_is_help=True)

PayloadId = Annotated[str, typer.Argument(metavar="ID", help="The payload's id, or its first digits.")]

_COLUMNS = ("id", "state", "called_ae", "calling_ae", "instances", "bytes", "since")
_INSTANCE_COLUMNS = ("file", "bytes", "received", "sop_class_uid", "sop_instance_uid", "transfer_syntax_uid")


@app.command("list")
def list_payloads(as_json: AsJson = False) -> None:
    """List what lies on the spool, the oldest first: open, ready, done and damaged."""
    from gateway.spool.listing import list_spool

    print_rows([asdict(found) for found in list_spool(_area())], _COLUMNS, as_json=as_json)


@app.command()
def show(payload_id: PayloadId, as_json: AsJson = False) -> None:
    """List the instances of a payload."""
    from gateway.spool.listing import instance_rows

    area = _area()
    print_rows(instance_rows(area, _found(area, payload_id)), _INSTANCE_COLUMNS, as_json=as_json)


@app.command()
def extract(
    payload_id: PayloadId,
    directory: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Where the files go; made if need be.")],
    instance: Annotated[str | None, typer.Option(metavar="UID", help="Only this SOP instance.")] = None,
) -> None:
    """Copy instances as DICOM files, named after their SOP Instance UIDs. The spool keeps its own."""
    from rich.progress import track

    from gateway.errors import PermanentError
    from gateway.spool.extraction import copy_instance
    from gateway.spool.listing import instances_of

    area = _area()
    found = instances_of(area, UUID(_found(area, payload_id)))
    wanted = [each for each in found if instance in {None, each.sop_instance_uid}]
    if not wanted:
        raise PermanentError(f"payload {payload_id} has no instance {instance}")
    directory.mkdir(parents=True, exist_ok=True)
    for each in track(wanted, "Copying", disable=len(wanted) < 10):
        copy_instance(area, each, directory)
    typer.echo(f"{len(wanted)} instances copied to {directory}")


def _area() -> "SpoolArea":
    from gateway.spool.area import scp_area

    return scp_area(site_settings().paths.spool)


def _found(area: "SpoolArea", payload_id: str) -> str:
    """Return the whole id of the payload that is meant."""
    from gateway.spool.listing import list_spool

    return the_one(
        sorted({found.id for found in list_spool(area) if found.id.startswith(payload_id)}),
        "payload on this spool",
        payload_id,
    )
