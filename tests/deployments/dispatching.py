"""The dispatcher's engine in the test's own process: one step at a time, over every kind of work."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from prefect.client.orchestration import PrefectClient

from deployments.dispatcher.engine import Dispatched, Engine
from deployments.dispatcher.operator_commands import OperatorCommands
from deployments.dispatcher.release import Release
from deployments.dispatcher.trial import Trial
from deployments.prefect_side.pools import Pool
from deployments.prefect_side.prefect_api import prefect_errors
from deployments.prefect_side.registration import register
from gateway.acr.submission import read_submission
from gateway.clock import time_of
from gateway.config import Settings
from gateway.errors import BrokerUnavailable, Dependency
from gateway.events import EventPublisher
from gateway.events.outbox import Outbox
from gateway.exports.request import read_export_request
from gateway.kinds import KINDS, ask
from gateway.node_context import NodeContext
from gateway.runs.api import PrefectApi
from gateway.runs.deployment import DeploymentRuns
from gateway.runs.run import Run, WantedRun
from gateway.spool import lease as spool_lease
from gateway.work.commands import CommandRow, Commands, OperatorCommand, Wish
from gateway.work.kind import Probe
from gateway.work.lease import Held
from gateway.work.waiting import Wait
from tests.clock import MovableClock
from tests.deployments.payloads import made_payload, put_into_ready
from tests.deployments.prefect_side.test_registration import TRIVIAL
from tests.gateway.acr.requests import as_body, inference_request
from tests.gateway.exports.scene import request_body

Act = Callable[[Engine, OperatorCommands, Release], Awaitable[object]]


@dataclass
class WatchedRuns(DeploymentRuns):
    """Says when it has created a run, of which the rows do not know yet."""

    created: Callable[[], object] = lambda: None

    async def create(self, wanted: WantedRun) -> Run:
        run = await super().create(wanted)
        await asyncio.to_thread(self.created)
        return run


def _nobody() -> EventPublisher:
    raise BrokerUnavailable("this test has no event broker")


@dataclass
class Dispatching:
    """A node with work of every kind, and its dispatcher, for which it is now until the clock is moved."""

    data_dir: Path
    api_url: str
    work_pool: str
    database_url: str | None = None
    probes: dict[Dependency, Probe] = field(default_factory=dict)
    publisher: Callable[[], EventPublisher] = _nobody
    clock: MovableClock = field(default_factory=lambda: MovableClock(time.time_ns()))
    run_created: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        database = {"database": {"url": self.database_url}} if self.database_url else {}
        self.node = NodeContext(Settings(data_dir=self.data_dir, **database))  # type: ignore[arg-type]
        self.node.received.make()
        self._release: Release | None = None

    @property
    def now(self) -> datetime:
        return time_of(self.clock.time_ns())

    def look(self) -> None:
        self._step(lambda engine, _commands, _release: engine.look())

    def reconcile(self) -> None:
        self._step(lambda engine, _commands, _release: engine.reconcile())

    def carry_out(self) -> None:
        """Do what operators have asked for."""
        self._step(lambda _engine, commands, _release: commands.look())

    def release(self) -> None:
        self._step(lambda _engine, _commands, release: release.look())

    def release_without_row(self) -> None:
        self._step(lambda _engine, _commands, release: release.look_for_those_without_a_row())

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Within, operators' commands are carried out as they come."""
        over = threading.Event()

        async def carry_out(_engine: Engine, commands: OperatorCommands, _release: Release) -> None:
            while not over.is_set():
                await commands.look()
                await asyncio.sleep(0.05)

        thread = threading.Thread(target=self._step, args=(carry_out,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _step(self, act: Act) -> None:
        """Take a step of a dispatcher that has just started, but for what it remembers of parts."""

        async def once() -> None:
            async with PrefectApi(self.api_url) as api:
                runs = WatchedRuns(api, "example-trivial/trivial", self._register, self.run_created)
                engine = Engine({name: Dispatched(make(self.node), runs) for name, make in KINDS.items()})
                commands = OperatorCommands(api, engine, Commands(self.node.database), self.node.node_id)
                await act(engine, commands, self._releasing(api, engine))

        with prefect_errors():
            asyncio.run(once())

    def _publisher(self) -> EventPublisher:
        return self.publisher()

    async def _register(self) -> None:
        """Prefect's client asks again where its server on SQLite is busy just then (HTTP 503)."""
        queues = (self.node.identity.work_queue, "immediate", "higher", "normal", "lower")
        async with PrefectClient(self.api_url) as client:
            await register(client, [Pool(self.work_pool, queues)], [TRIVIAL])

    def _releasing(self, api: PrefectApi, engine: Engine) -> Release:
        if self._release is None:
            trial = Trial(Outbox(self.node.database), self._publisher)
            node = self.node
            self._release = Release(api, engine, node.database, self.probes, node.circuits, trial, self.clock)
        self._release.api, self._release.engine = api, engine
        return self._release


@dataclass
class KindScene:
    """One kind of work on a node: how it comes, and how a run takes it and waits."""

    name: str
    dispatching: Dispatching

    def new(self) -> UUID:
        return getattr(self, f"_new_{self.name}")()  # type: ignore[no-any-return]

    def take(self, work_id: UUID) -> Held:
        return getattr(self, f"_take_{self.name}")(work_id)  # type: ignore[no-any-return]

    def wait(self, work_id: UUID, wait: Wait, seconds: float = 600) -> None:
        """Its run takes it, and ends for now."""
        node, now = self.dispatching.node, self.dispatching.now
        at = now + timedelta(seconds=seconds)
        if self.name == "payload":
            node.payloads.note_taken(work_id)
            node.payloads.note_wait(work_id, [wait], at, now)
        else:
            self.take(work_id).wait([wait], at, now)  # type: ignore[attr-defined]

    def run_id(self, work_id: UUID) -> UUID:
        work = KINDS[self.name](self.dispatching.node).ledger.find(work_id)
        assert work
        assert work.flow_run_id
        return work.flow_run_id

    def asked(self, work_id: UUID, command: OperatorCommand, destinations: Sequence[str] = ()) -> CommandRow:
        """What became of a command."""
        node = self.dispatching.node
        command_id = ask(node, Wish(self.name, work_id, command, tuple(destinations)), "a test")
        self.dispatching.carry_out()
        row = Commands(node.database).row(command_id)
        assert row
        return row

    def _new_payload(self) -> UUID:
        node = self.dispatching.node
        return put_into_ready(node.received, made_payload(node.node_id))

    def _new_request(self) -> UUID:
        body = as_body(inference_request(transaction_id=str(uuid4())))
        submission = read_submission(body, allow_credentials_over_http=True)
        return self.dispatching.node.requests.accept(submission, None, datetime.now(UTC))

    def _new_export(self) -> UUID:
        request = read_export_request(request_body(["p/a.dcm"], ["pacs"], str(uuid4())), "monaiscu")
        self.dispatching.node.exports.record(request, datetime.now(UTC))
        return request.export_id

    def _take_payload(self, work_id: UUID) -> Held:
        return spool_lease.take(self.dispatching.node.received.lease_file(work_id), work_id)

    def _take_request(self, work_id: UUID) -> Held:
        from gateway.inference.lease import take

        lease = take(self.dispatching.node.requests, work_id, self._run_of(work_id), datetime.now(UTC))
        assert lease
        return lease.lease

    def _take_export(self, work_id: UUID) -> Held:
        from gateway.exports.lease import take

        lease = take(self.dispatching.node.database, work_id, self._run_of(work_id))
        assert lease
        return lease.lease

    def _run_of(self, work_id: UUID) -> UUID:
        work = KINDS[self.name](self.dispatching.node).ledger.find(work_id)
        assert work
        return work.flow_run_id or uuid4()


@contextmanager
def dispatching_on(
    data_dir: Path, api_url: str, work_pool: str, database_url: str | None = None
) -> Iterator[Dispatching]:
    dispatching = Dispatching(data_dir, api_url, work_pool, database_url)
    with closing(dispatching.node):
        yield dispatching
