"""The kinds of work: a new kind is one module in its room, and one row here.

This stands on top of the rooms: none of them knows it.
"""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from gateway.config import LocalStoreSettings
from gateway.exports.work import ExportWork
from gateway.inference.work import RequestWork
from gateway.node_context import NodeContext
from gateway.payload_commands.announcing import Announce
from gateway.payload_commands.closing import Close
from gateway.payload_commands.sending import Send
from gateway.payload_commands.whereabouts import Whereabouts
from gateway.retrieval.open_sources import source_probe
from gateway.spool.work import PayloadWork
from gateway.work.commands import Commands, NothingToDo, OperatorCommand, Wish
from gateway.work.kind import DEFAULT_QUEUE, Kind, OwnCommands
from gateway.work.ledger import NoSuchWork
from gateway.work.wake_up import wake_up


def _payloads(node: NodeContext) -> Kind:
    payloads = payload_whereabouts(node)
    commands: OwnCommands = {
        OperatorCommand.ANNOUNCE: Announce(payloads, node.payloads.announcements),
        OperatorCommand.SEND: payload_sending(node),
        OperatorCommand.CLOSE: Close(payloads),
    }
    return PayloadWork(node.payloads, node.received, node.identity, own_commands=commands)


def _requests(node: NodeContext) -> Kind:
    return RequestWork(node.requests, source_probe)


def _exports(node: NodeContext) -> Kind:
    return ExportWork(node.exports, node.circuits, node.current_destinations, _export_queue(node))


KINDS: Mapping[str, Callable[[NodeContext], Kind]] = {
    "payload": _payloads,  # first: its senders wait for nobody
    "request": _requests,
    "export": _exports,
}
"""By the name that `gateway.work.rows.WorkTable.kind` has; in the order in which they have their turn."""


def refused(kind: str, work_id: UUID, reason: str) -> NothingToDo:
    """What is said to who asks for what makes no sense: `export 1f3c… has succeeded`, `payload 42f2…: its run is …`."""
    what = f"{kind} {work_id}"
    return NothingToDo(f"{what} {reason[3:]}" if reason.startswith("it ") else f"{what}: {reason}", reason)


def payload_whereabouts(node: NodeContext) -> Whereabouts:
    """What looks for payloads, received and retrieved."""
    return Whereabouts(node.payloads, node.requests, node.received)


def payload_sending(node: NodeContext) -> Send:
    """What sends payloads to destinations, when an operator asks for it."""
    return Send(payload_whereabouts(node), node.exports, node.current_destinations, node.current_object_store)


def ask(node: NodeContext, wish: Wish, asked_by: str) -> UUID:
    """Record what an operator asks for, and wake the dispatcher, which carries it out; return the command's id.

    Raises NothingToDo, NoSuchWork, DatabaseUnavailable.
    """
    kind = KINDS[wish.kind](node)
    if reason := _refusal(kind, wish):
        raise refused(wish.kind, wish.work_id, reason)
    own = kind.own_commands.get(wish.command)
    only_by = node.node_id if own and own.only_here else None
    command_id = Commands(node.database).ask(wish, asked_by, node.now(), only_by)
    wake_up(node.settings.paths.wake_ups)
    return command_id


def ask_all(node: NodeContext, wishes: Sequence[Wish], asked_by: str) -> None:
    """Record the same of much work. What makes no sense is refused by the dispatcher alone, in the row of the command.

    Raises DatabaseUnavailable.
    """
    Commands(node.database).ask_all(wishes, asked_by, node.now())
    wake_up(node.settings.paths.wake_ups)


def _refusal(kind: Kind, wish: Wish) -> str | None:
    work_id, command = wish.work_id, wish.command
    if own := kind.own_commands.get(command):
        return own.refusal(work_id, wish.destinations)
    if command not in {OperatorCommand.RETRY, OperatorCommand.CANCEL}:
        return f"{command} is nothing that can be asked of it"
    work = kind.ledger.find(work_id)
    if work is None:
        raise NoSuchWork(f"there is no {kind.ledger.of.kind} {work_id}")
    return kind.refusal(work, command)


def _export_queue(node: NodeContext) -> str:
    """Any node's worker can carry an export out, unless ledger or objects lie on this one."""
    settings = node.settings
    is_local = settings.has_local_database or isinstance(settings.object_store, LocalStoreSettings)
    return node.identity.work_queue if is_local else DEFAULT_QUEUE
