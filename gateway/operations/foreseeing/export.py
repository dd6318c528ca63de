"""What an export would send where, asked before it is recorded."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4

from sqlalchemy import Engine

from gateway.destinations.circuits import Circuits
from gateway.destinations.listing import met
from gateway.destinations.registered import Destinations
from gateway.errors import PermanentError
from gateway.exports.export_complete import export_complete
from gateway.exports.fetching import Unfit, looked_up
from gateway.exports.ledger import new_row
from gateway.exports.listing import ExportListing
from gateway.exports.request import ExportRequest
from gateway.exports.settlement import settlement_of
from gateway.exports.states import ExportState, FileStatus, SendRow, SendState
from gateway.inference.outputs import named_services
from gateway.kinds import payload_sending, refused
from gateway.node_context import NodeContext
from gateway.object_store import ObjectStore
from gateway.operations.foreseeing.event import foreseen_event
from gateway.operations.foreseeing.foreseen import ForeseenEvent
from gateway.work.commands import NothingToDo

_AT_ONCE = 8  # questions to the object store


@dataclass(frozen=True, slots=True)
class ForeseenObject:
    """A file of an export: its object key, how long it is, or why it would be skipped everywhere."""

    path: str
    bytes: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class ForeseenDestination:
    """A destination, or one of the services that an inference request names.

    `kind` is "" and `reason` says why where nothing can be sent there. Else `state`, `since` and `reason` are what is
    known of it: there, away, refuses, unknown. `sends` counts the files that would go, `stored` those that a known
    export has stored there already.
    """

    name: str
    kind: str
    address: str
    state: str
    since: datetime | None
    reason: str
    sends: int = 0
    stored: int = 0


@dataclass(frozen=True, slots=True)
class ForeseenExport:
    """What a request would come to. `known` is the state of the export that it has made already: then nothing changes.

    `id` is None where it is made with the operator's command. `problem` is why it can't be served at all. `event` is
    what would be told if every destination took what is sent; none where nothing changes, or an operator asks.
    """

    id: UUID | None
    known: ExportState | None
    problem: str
    destinations: Sequence[ForeseenDestination]
    files: Sequence[ForeseenObject]
    event: ForeseenEvent | None
    is_all_sent: bool


def foreseen_export(node: NodeContext, request: ExportRequest) -> ForeseenExport:
    """Say what would become of a request, with nothing recorded or sent: under the settings as they are now.

    Raises DatabaseUnavailable, SettingsError, and what the object store raises that is not about one file.
    """
    known = ExportListing(node.database).view(request.export_id)
    files = _files(node.current_object_store(), list(dict.fromkeys(request.files)))
    sends = 0 if known or request.problem else sum(not each.reason for each in files)
    stored = {each.name: each.stored for each in known.destinations} if known else {}
    places = replace(
        node.current_destinations(), outputs=lambda each: named_services(node.requests, each, node.settings)
    )
    destinations = [each for name in request.destinations for each in _at(places, name, request.agent, node.database)]
    destinations = [
        replace(each, sends=sends if each.kind else 0, stored=stored.get(each.name, 0)) for each in destinations
    ]
    is_possible = not request.problem and all(each.kind for each in destinations)
    return ForeseenExport(
        id=None if request.command else request.export_id,
        known=known.state if known else None,
        problem=request.problem,
        destinations=destinations,
        files=files,
        event=None if known or request.command else _event(node, request, places, destinations, files),
        is_all_sent=is_possible and not any(each.reason for each in files),
    )


def foreseen_send(node: NodeContext, payload_id: UUID, destinations: Sequence[str]) -> ForeseenExport:
    """Say the same of a payload that an operator would send.

    Raises what `foreseen_export` raises, and as `gateway.kinds.ask` does where it makes no sense.
    """
    send = payload_sending(node)
    if reason := send.refusal(payload_id, destinations):
        raise refused("payload", payload_id, reason)
    try:
        request = send.request(payload_id, destinations, uuid4())
    except NothingToDo as error:
        raise refused("payload", payload_id, error.reason) from error
    return foreseen_export(node, request)


def _files(store: ObjectStore, paths: Sequence[str]) -> list[ForeseenObject]:
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        found = list(threads.map(partial(looked_up, store), paths))
    return [
        ForeseenObject(path, None, each.reason) if isinstance(each, Unfit) else ForeseenObject(path, each.bytes, "")
        for path, each in zip(paths, found, strict=True)
    ]


def _at(places: Destinations, name: str, agent: str, engine: Engine) -> Iterator[ForeseenDestination]:
    """What is known of a destination; of several, where an inference request names several services."""
    try:
        found = places.find(name, agent)
    except PermanentError as error:
        yield ForeseenDestination(name, "", "", "", None, str(error))
        return
    registered = places.registered.get(name)
    for each in found:
        state, since, _, reason = met(Circuits(engine).of(each.name))
        yield ForeseenDestination(
            name, registered.kind if registered else "dicomweb", each.address, state, since, reason
        )


def _event(
    node: NodeContext,
    request: ExportRequest,
    places: Destinations,
    destinations: Sequence[ForeseenDestination],
    files: Sequence[ForeseenObject],
) -> ForeseenEvent:
    """What would be told if every destination took every file that goes there."""
    sends = [_send(request, destination, file) for destination in destinations for file in files]
    paths = [each.path for each in files]
    labels = {name: places.label(name, request.agent) for name in request.destinations}
    settlement = settlement_of(request.problem, paths, request.destinations, sends, labels)
    now = node.now()
    return foreseen_event(node.settings, export_complete(new_row(request, now), settlement, 1, now))


def _send(request: ExportRequest, destination: ForeseenDestination, file: ForeseenObject) -> SendRow:
    state, status, reason = SendState.STORED, FileStatus.SUCCESS, ""
    if request.problem or not destination.kind:
        state, status, reason = SendState.FAILED, FileStatus.CONFIGURATION_ERROR, request.problem or destination.reason
    elif file.reason:
        state, status, reason = SendState.FAILED, FileStatus.DOWNLOAD_ERROR, file.reason
    return SendRow(destination.name, file.path, state, status, None, reason, 0, None, None)
