"""What would happen, if: `mig explain`, and `--dry-run` of `mig export submit` and `mig payload send`."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import typer

from deployments.commands.tables import AsJson, print_object, print_rows

if TYPE_CHECKING:
    from gateway.exports.request import ExportRequest
    from gateway.node_context import NodeContext
    from gateway.operations.foreseeing.export import ForeseenExport
    from gateway.operations.foreseeing.foreseen import Foreseen, ForeseenClosing, ForeseenEvent, ForeseenPayload

_Foreseen = TypeVar("_Foreseen", "Foreseen", "ForeseenExport")

_CONTEXT_COLUMNS = ("result", "name", "abstract_syntax", "transfer_syntax")
_OBJECT_COLUMNS = ("path", "bytes", "reason")
_DESTINATION_COLUMNS = ("name", "kind", "address", "state", "since", "sends", "stored", "reason")
_FILE_COLUMNS = ("fate", "status", "payload", "sop_class", "file", "reason")


def explain(
    calling: Annotated[str, typer.Option(metavar="TITLE", help="The AE title that calls.")],
    called: Annotated[str, typer.Option(metavar="TITLE", help="The AE title that it calls.")],
    address: Annotated[str, typer.Option(metavar="ADDRESS", help="The address that it calls from.")],
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="What it sends: Part 10 files.", exists=True)
    ] = None,
    sop_class: Annotated[
        list[str] | None,
        typer.Option(metavar="UID|KEYWORD", help="A SOP class that it proposes, beside those of the files."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what would happen if somebody called here, and sent that. Nothing is sent, stored or made.

    The exit code is 1 where anything of it would be refused or ignored.
    """
    from gateway.config import load_settings
    from gateway.operations.foreseeing.asking import NotAsked, question
    from gateway.operations.foreseeing.explaining import explain as foresee

    try:
        asked = question(calling, called, address, sop_class or (), files or ())
    except NotAsked as error:
        raise typer.BadParameter(str(error), param_hint=f"--{error.field.replace('_', '-')}") from error
    foreseen = foresee(load_settings().settings, asked)
    _tell(foreseen, _print, as_json=as_json, is_all_right=foreseen.is_all_taken)


def check_dry_run(*, dry_run: bool, as_json: bool, how_many: int = 1) -> None:
    """Raise BadParameter where JSON is asked for of what is no dry run, or a dry run of several."""
    if as_json and not dry_run:
        raise typer.BadParameter("goes with --dry-run", param_hint="--json")
    if dry_run and how_many > 1:
        raise typer.BadParameter("one payload at a time", param_hint="--dry-run")


def foresee_export(request: "ExportRequest", *, as_json: bool) -> None:
    """Say what would become of an export. Raises Exit where not all of it would be sent."""
    from gateway.operations.foreseeing.export import foreseen_export

    _tell_export(lambda node: foreseen_export(node, request), as_json=as_json)


def foresee_send(payload_id: UUID, destinations: Sequence[str], *, as_json: bool) -> None:
    """The same of a payload that would be sent. Raises NothingToDo as well."""
    from gateway.operations.foreseeing.export import foreseen_send

    _tell_export(lambda node: foreseen_send(node, payload_id, destinations), as_json=as_json)


def _tell_export(foresee: "Callable[[NodeContext], ForeseenExport]", *, as_json: bool) -> None:
    from contextlib import closing

    from deployments.commands.site import site_settings
    from gateway.node_context import NodeContext

    with closing(NodeContext(site_settings(), may_upgrade=False)) as node:
        foreseen = foresee(node)
    _tell(foreseen, _print_export, as_json=as_json, is_all_right=foreseen.is_all_sent)


def _tell(foreseen: _Foreseen, show: Callable[[_Foreseen], None], *, as_json: bool, is_all_right: bool) -> None:
    from deployments.process.exit_codes import ExitCode

    if as_json:
        print_object(asdict(foreseen), as_json=True)
    else:
        show(foreseen)
    if not is_all_right:
        raise typer.Exit(ExitCode.FAILED)


def _print_export(foreseen: "ForeseenExport") -> None:
    known = f"known already, {foreseen.known}: nothing changes" if foreseen.known else "would be recorded"
    typer.echo(f"export {foreseen.id}: {known}" if foreseen.id else "an export would be recorded")
    if foreseen.problem:
        typer.echo(f"it can't be served: {foreseen.problem}")
    for rows, columns in ((foreseen.destinations, _DESTINATION_COLUMNS), (foreseen.files, _OBJECT_COLUMNS)):
        typer.echo()
        print_rows([asdict(each) for each in rows], columns, as_json=False)
    if foreseen.event:
        typer.echo()
        print_object({"event": _through(foreseen.event)}, as_json=False)
        _print_body(foreseen.event)


def _through(event: "ForeseenEvent") -> str:
    exchange = f"exchange {event.exchange}, " if event.exchange else ""
    return f"{event.broker}, {exchange}routing key {event.routing_key}"


def _print_body(event: "ForeseenEvent") -> None:
    typer.echo(json.dumps(event.body, indent=2, ensure_ascii=False))


def _print(foreseen: "Foreseen") -> None:
    association = foreseen.association
    rejected = f"rejected {association.codes}: {association.reason}"
    typer.echo(f"association  {'accepted' if association.is_accepted else rejected}")
    if foreseen.contexts:
        typer.echo()
        print_rows([asdict(each) for each in foreseen.contexts], _CONTEXT_COLUMNS, as_json=False)
    if foreseen.contexts_reason:
        typer.echo(foreseen.contexts_reason)
    if foreseen.files:
        typer.echo()
        print_rows([asdict(each) for each in foreseen.files], _FILE_COLUMNS, as_json=False)
    for payload in foreseen.payloads:
        typer.echo()
        _print_payload(payload)
    for line in foreseen.not_looked_at:
        typer.echo(f"not known: {line}", err=True)


def _print_payload(payload: "ForeseenPayload") -> None:
    again = f", {payload.superseded} sent twice: the later stands" if payload.superseded else ""
    about = {
        f"payload {payload.number}": payload.group,
        "instances": f"{payload.instances}, {payload.bytes} bytes{again}",
        "closes": _closes(payload.closing),
        "joins": f"payload {payload.joins}, which is open: it then has what that holds as well"
        if payload.joins
        else "",
        "supplements": _supplements(payload),
        "stored": _stored(payload.bucket, payload.objects),
        "event": _through(payload.event),
    }
    print_object({name: value for name, value in about.items() if value}, as_json=False)
    _print_body(payload.event)


def _closes(closing: "ForeseenClosing") -> str:
    limits = (
        f"{closing.max_open_seconds:g} s after the first, {closing.max_instances} instances, {closing.max_bytes} bytes"
    )
    if closing.closed_by != "quiet":
        return f"at once, by {closing.closed_by}; its limits: {limits}"
    return (
        f"{closing.quiet_seconds:g} s after its last instance, when its sender has ended or was silent for "
        f"{closing.hold_seconds:g} s; at the latest: {limits}"
    )


def _supplements(payload: "ForeseenPayload") -> str:
    if payload.supplements_number:
        return f"payload {payload.supplements_number} of these"
    if not payload.is_past_known:
        return "not known here: the spool is elsewhere, or may not be read"
    return f"payload {payload.supplements}" if payload.supplements else "none"


def _stored(bucket: str, objects: Sequence[str]) -> str:
    return f"{len(objects)} objects in {bucket}, e.g. {objects[0]}"
