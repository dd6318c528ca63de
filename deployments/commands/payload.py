"""`mig payload`: what was received, and what became of it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deployments.commands.foreseen import check_dry_run, foresee_send
from deployments.commands.operator import (
    Ids,
    InState,
    TheseIds,
    Yes,
    ask_and_show,
    ask_of,
    check_state,
    retry_chosen,
)
from deployments.commands.site import site_settings
from deployments.commands.tables import AsJson, moment, print_more, print_object, print_rows, the_one
from gateway.wording import counted
from gateway.work import MOST_AT_ONCE

if TYPE_CHECKING:
    from gateway.lookup.digests import Identifiers
    from gateway.operations.payload_view import PayloadView
    from gateway.operations.payloads import PayloadList

app = typer.Typer(help="Payloads: what was received, and what requests have fetched.", no_args_is_help=True)

PayloadId = Annotated[str, typer.Argument(metavar="ID", help="The payload's id, or its first digits.")]

_COLUMNS = ("id", "state", "called_ae", "calling_ae", "study", "instances", "bytes", "closed", "message")
_EXPORT_COLUMNS = ("id", "state", "destinations", "files", "stored", "missing", "received", "message")
_ASSOCIATION_COLUMNS = ("id", "outcome", "calling_ae", "address", "ended", "stored", "refused", "reason")
_STUDY_COLUMNS = ("study_instance_uid", "modalities", "series", "instances")


@app.command("list")
@app.command("find")
def list_payloads(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many on a page.")] = 20,
    after: Annotated[str | None, typer.Option(metavar="ID", help="Go on after this payload.")] = None,
    state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    study: Annotated[str | None, typer.Option(metavar="UID", help="Only those with this Study Instance UID.")] = None,
    accession: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Only those with this Accession Number; - asks for it.")
    ] = None,
    patient: Annotated[
        str | None, typer.Option(metavar="ID", help="Only those with this Patient ID; - asks for it.")
    ] = None,
    issuer: Annotated[str | None, typer.Option(metavar="NAME", help="Whose Patient ID it is.")] = None,
    ae: Annotated[str | None, typer.Option(metavar="TITLE", help="Only those from or to this AE title.")] = None,
    source: Annotated[
        str | None, typer.Option(metavar="TITLE|ADDRESS", help="Only those from this calling AE title or address.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="TIME|2h", help="Only those that were closed then or later."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME|2h", help="Only those that were closed before.")
    ] = None,
    closed_by: Annotated[str | None, typer.Option(help="Only those that were closed by this, e.g. quiet.")] = None,
    as_json: AsJson = False,
) -> None:
    """List payloads, the newest first; those that fit all that is given.

    Times are those of this machine's zone, unless they name another.
    """
    from gateway.operations.payload_view import PayloadState
    from gateway.payloads.finding import PayloadFilter

    check_state(state, list(PayloadState))
    in_state = PayloadState(state) if state else None
    identifiers = _identifiers(accession, patient, issuer)
    with _payloads() as payloads:
        lookups = payloads.lookups(identifiers)
        wanted = PayloadFilter(study, ae, since, until, closed_by, source=source, lookups=lookups)
        follows = the_one(payloads.matching(after), "payload", after).id if after else None
        views = payloads.page(limit + 1, wanted, in_state, follows)
        shown = [asdict(view) if as_json else _row(view) for view in views[:limit]]
        print_rows(shown, _COLUMNS, as_json=as_json)
        more = f"--after {str(views[limit - 1].id)[:8]}" if len(views) > limit else None
        print_more(len(shown), payloads.total(wanted, in_state), more)
        if not_searched := payloads.not_searched(wanted):
            typer.echo(not_searched, err=True)
        _end_without_prefect(payloads)


@app.command()
def show(payload_id: PayloadId, as_json: AsJson = False) -> None:
    """Show everything that is known of a payload: its studies, the associations that fed it, its run, its exports."""
    with _payloads() as payloads:
        detail = payloads.detail(the_one(payloads.matching(payload_id), "payload", payload_id))
        row = asdict(detail) | {"exports": [each.model_dump() for each in detail.exports]}
        if as_json:
            print_object(row, as_json=True)
        else:
            _print_detail(row)
        _end_without_prefect(payloads)


@app.command()
def retry(
    payload_ids: Ids = None,
    state: InState = None,
    ae: Annotated[str | None, typer.Option(metavar="TITLE", help="Of them those from or to this AE title.")] = None,
    since: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME|2h", help="Of them those closed then or later.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Try now: start the runs of payloads that wait, have failed or were cancelled."""
    from gateway.operations.payload_view import PayloadState
    from gateway.payloads.finding import PayloadFilter

    def all_in(state: str) -> list[UUID]:
        with _payloads() as payloads:
            found = payloads.page(MOST_AT_ONCE + 1, PayloadFilter(ae=ae, since=since), PayloadState(state))
            return [view.id for view in found]

    retry_chosen("payload", payload_ids or (), state, states=list(PayloadState), find=_id_of, find_all=all_in, yes=yes)


@app.command()
def cancel(payload_id: PayloadId) -> None:
    """End the run of a payload. What was received stays on the spool, and goes on when it is retried."""
    from gateway.work.commands import OperatorCommand

    ask_and_show("payload", _id_of(payload_id), OperatorCommand.CANCEL)


@app.command()
def announce(payload_ids: TheseIds) -> None:
    """Announce payloads again: the same event, with the same id, for a workflow manager that has lost it."""
    from gateway.work.commands import OperatorCommand

    ask_of("payload", [_any_id_of(each) for each in payload_ids], OperatorCommand.ANNOUNCE, yes=True)


@app.command()
def send(
    payload_ids: TheseIds,
    destinations: Annotated[
        list[str],
        typer.Option("--to", metavar="DESTINATION", help="A registered destination; may stand several times."),
    ],
    yes: Yes = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Of one payload: send nothing, say what would be.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Of a dry run: print JSON.")] = False,
) -> None:
    """Send the DICOM objects of payloads, as they are stored, to destinations: each is an export of its own.

    No md.export.complete tells of it. A dry run ends as that of `mig export submit`.
    """
    from gateway.work.commands import OperatorCommand

    check_dry_run(dry_run=dry_run, as_json=as_json, how_many=len(payload_ids))
    found = [_any_id_of(each) for each in payload_ids]
    if dry_run:
        foresee_send(found[0], destinations, as_json=as_json)
        return
    ask_of("payload", found, OperatorCommand.SEND, yes=yes, destinations=destinations)


@app.command()
def close(payload_ids: TheseIds) -> None:
    """Close payloads of this node that are still open: what comes later becomes another payload, a supplement."""
    from gateway.work.commands import OperatorCommand

    ask_of("payload", [_any_id_of(each) for each in payload_ids], OperatorCommand.CLOSE, yes=True)


def _any_id_of(payload_id: str) -> UUID:
    """Of a payload that is still open, or came from an inference request, as well."""
    from gateway.kinds import payload_whereabouts
    from gateway.node_context import NodeContext

    with closing(NodeContext(site_settings(), may_upgrade=False)) as node:
        return the_one(payload_whereabouts(node).matching(payload_id), "payload", payload_id)


def _id_of(payload_id: str) -> UUID:
    with _payloads() as payloads:
        return the_one(payloads.index.matching(payload_id), "payload", payload_id).payload_id


@contextmanager
def _payloads() -> "Iterator[PayloadList]":
    """What all these commands look at."""
    from gateway.operations.payloads import payload_list
    from gateway.payloads.index import opened_payload_index

    settings = site_settings()
    with opened_payload_index(settings.database_url, may_upgrade=False) as index:
        yield payload_list(settings, index)


def _print_detail(row: dict[str, Any]) -> None:
    tables = {"studies": _STUDY_COLUMNS, "associations": _ASSOCIATION_COLUMNS, "exports": _EXPORT_COLUMNS}
    print_object({name: value for name, value in row.items() if name not in tables}, as_json=False)
    for name, columns in tables.items():
        if row[name]:
            typer.echo(f"\n{name}")
            print_rows(row[name], columns, as_json=False)


def _identifiers(accession: str | None, patient: str | None, issuer: str | None) -> "Identifiers":
    """What was given, or is asked for: then neither a shell's history nor the list of processes has it."""
    from gateway.lookup.digests import Identifiers

    if accession == "-":
        accession = typer.prompt("Accession Number", err=True)
    if patient == "-":
        patient = typer.prompt("Patient ID", err=True)
    identifiers = Identifiers(accession, patient, issuer)
    if identifiers.problem:
        raise typer.BadParameter(identifiers.problem)
    return identifiers


def _row(view: "PayloadView") -> dict[str, object]:
    """A payload's line: of its studies the first."""
    first, *others = [study.study_instance_uid for study in view.studies] or [""]
    said = [f"closes {view.closes.astimezone():%H:%M:%S}, unless more comes"] if view.closes else []
    said += [f"the sender broke off ({view.broken_off})"] if view.broken_off else []
    said += [f"with {counted(view.resources, 'FHIR resource')}"] if view.resources else []
    said += ["some of what was asked for could not be had"] if view.partial else []
    message = "; ".join([*said, *filter(None, [view.message])])
    return asdict(view) | {"study": f"{first} and {len(others)} more" if others else first, "message": message}


def _end_without_prefect(payloads: "PayloadList") -> None:
    from deployments.process.exit_codes import ExitCode

    if payloads.prefect_is_away:
        typer.echo("Prefect does not answer: the state of runs is unknown", err=True)
        raise typer.Exit(ExitCode.UNREACHABLE)
