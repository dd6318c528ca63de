"""What operators ask for, from the command line, over HTTP or at the page, is written in the database and done here."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from deployments.dispatcher.decision import starts_by_itself
from deployments.dispatcher.engine import Engine
from gateway.errors import DatabaseRefused, DatabaseUnavailable, GatewayError, NotSetUp, TransientError
from gateway.runs.api import PrefectApi
from gateway.runs.reading import find_run
from gateway.runs.run import Run
from gateway.runs.states import cancel, put_back
from gateway.work.commands import CommandRow, Commands, NothingToDo, OperatorCommand
from gateway.work.kind import Kind, OwnCommand
from gateway.work.ledger import NoSuchWork
from gateway.work.outage import Outages
from gateway.work.rows import Work
from gateway.work.transitions import Event

_PUT_OFF = timedelta(seconds=10)
_A_MOMENT = timedelta(seconds=0.5)
_UNKNOWN = "it is not known here"

_log = structlog.get_logger()


class _HasChanged(GatewayError):
    """Another step of a dispatcher has touched the work meanwhile: the command is for what it has become."""


class _StillEnding(GatewayError):
    """The work is over, and its run about to be: it can be started again then."""


class _PartAway(GatewayError):
    """A part of ours that a command needs is away, or refuses us."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass
class OperatorCommands:
    """Carries commands out, each once, and says what became of it. What Prefect is away for stays to be done."""

    api: PrefectApi
    engine: Engine
    commands: Commands
    node_id: UUID
    outages: Outages = field(default_factory=Outages)

    async def look(self) -> bool:
        """Carry out all there are, the oldest first. Raises what Prefect's being away raises: then the rest stays."""
        while row := await asyncio.to_thread(self.commands.claim, datetime.now(UTC), self.node_id):
            try:
                outcome, carried_out = await self._carry_out(row), True
            except NothingToDo as refusal:
                outcome, carried_out = str(refusal), False
            except _PartAway as away:
                await asyncio.to_thread(self._put_off, row, away.error)
                continue
            except _StillEnding:
                soon = datetime.now(UTC) + _A_MOMENT
                await asyncio.to_thread(self.commands.give_back, row, "waits: its run is ending", soon)
                continue
            except _HasChanged:
                await asyncio.to_thread(self.commands.give_back, row)
                return True
            except BaseException:
                await asyncio.to_thread(self.commands.give_back, row)
                raise
            self.outages.over(row.command)
            await asyncio.to_thread(self._finish, row, outcome, carried_out)
            _log.info("operator command", command=str(row.command), outcome=outcome, **{row.kind: str(row.work_id)})
        return True

    async def _carry_out(self, row: CommandRow) -> str:
        kind = self.engine.kinds[row.kind].kind
        await asyncio.to_thread(kind.refresh, datetime.now(UTC))
        if own := kind.own_commands.get(row.command):
            return await asyncio.to_thread(_carry_out_own, own, row)
        work = await asyncio.to_thread(kind.ledger.find, row.work_id)
        if work is None:
            raise NothingToDo(_UNKNOWN)
        if reason := await asyncio.to_thread(kind.refusal, work, row.command):
            raise NothingToDo(reason)
        run = await find_run(self.api, work.flow_run_id) if work.flow_run_id else None
        if row.command is OperatorCommand.RETRY:
            return await self._retry(kind, work, run)
        return await self._cancel(kind, work, run)

    async def _retry(self, kind: Kind, work: Work, run: Run | None) -> str:
        """Start the run now, as Retry in the dashboard does; where it is gone, have another."""
        await asyncio.to_thread(kind.before_retry, work)
        if run is None:
            if not await asyncio.to_thread(kind.ledger.ask_for_another_run, work, Event.RETRIED):
                raise _HasChanged
            return "another run is asked for"
        if run.state_type.is_at_work and work.state in kind.ledger.of.transitions.ends:
            raise _StillEnding
        if reason := starts_by_itself(run, datetime.now(UTC)):
            raise NothingToDo(f"{reason}: it goes on by itself")
        verdict = await put_back(self.api, run.id, "Tried again at an operator's request.")
        if not verdict.is_accepted:
            raise NothingToDo(f"its run is {verdict.state_name}: {verdict.reason or 'Prefect leaves it so'}")
        return "its run starts now"

    async def _cancel(self, kind: Kind, work: Work, run: Run | None) -> str:
        is_over = run is None or run.state_type.is_final
        if run is not None and not is_over:
            is_over = (await cancel(self.api, run.id)).state_type.is_final
        if not await asyncio.to_thread(lambda: kind.cancelled(work, datetime.now(UTC), run_is_over=is_over)):
            raise _HasChanged
        return "it is ended" if is_over else "its run is ending"

    def _put_off(self, row: CommandRow, error: GatewayError) -> None:
        """Until a part of ours is back that it needs: others go on."""
        self.outages.began(error, row.command, meanwhile="an operator's command waits for it")
        self.commands.give_back(row, f"waits: {error}", datetime.now(UTC) + _PUT_OFF)

    def _finish(self, row: CommandRow, outcome: str, carried_out: bool) -> None:
        self.commands.finish(row, outcome, datetime.now(UTC), carried_out=carried_out)


def _carry_out_own(own: OwnCommand, row: CommandRow) -> str:
    """What needs no run. It is looked again whether it makes sense: time has passed since it was asked for."""
    try:
        reason = own.refusal(row.work_id, row.destinations)
    except NoSuchWork:
        reason = _UNKNOWN
    if reason:
        raise NothingToDo(reason)
    try:
        return own.carry_out(row, datetime.now(UTC))
    except (DatabaseUnavailable, DatabaseRefused):
        raise
    except (TransientError, NotSetUp) as error:
        raise _PartAway(error) from error
