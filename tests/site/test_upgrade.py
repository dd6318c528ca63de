"""A site of every earlier version, killed in the middle of work and started with this one: all ends as it should."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from gateway.inference.identity import payload_id, request_id
from tests.deployments.up.gateway import Gateway
from tests.fixtures.kept import Kept, every_version
from tests.fixtures.node import ARCHIVE_PORT, CREDENTIAL, PORTS
from tests.gateway.dicomweb.faulty_archive import FaultyArchive, Held, faulty_archive
from tests.gateway.dicomweb.raw_service import RawService, raw_service
from tests.gateway.dimse.raw_pacs import RawPacs, raw_pacs
from tests.gateway.events.conftest import bind_durably, settings_for
from tests.gateway.events.consumer import accept
from tests.peers.postgresql import PostgreSQL
from tests.peers.rabbitmq import RabbitMQ
from tests.waiting import wait_until

STUDIES = ("1.2.3.2001", "1.2.3.2002")
ANNOUNCED, EXPORTED = "md.workflow.request", "md.export.complete"

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]


def held(study: str) -> list[Held]:
    return [Held(study, f"{study}.1", f"{study}.1.{number}") for number in (1, 2)]


@dataclass
class Upgraded:
    """The site under this program, and all its peers, which are there again."""

    kept: Kept
    gateway: Gateway
    rabbitmq: RabbitMQ
    virtual_host: str
    pacs: RawPacs
    vna: RawService
    archive: FaultyArchive
    away: FaultyArchive
    events: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {ANNOUNCED: [], EXPORTED: []})

    def told(self, key: str, name: str) -> set[str]:
        """What the events of this kind name so far."""
        for message in self.rabbitmq.messages(self.virtual_host, key, 100, timeout_seconds=0.5):
            if key == ANNOUNCED:
                accept(message.body)
            self.events[key].append(json.loads(message.body))
        return {event[name] for event in self.events[key]}

    def wait_until_told(self, key: str, name: str, expected: set[str]) -> None:
        wait_until(lambda: self.told(key, name) >= expected, 180, f"{key} of {expected}")
        assert self.told(key, name) == expected

    def ask(self, path: str) -> Any:
        answer = httpx.get(f"http://127.0.0.1:{self.gateway.http_port}{path}", trust_env=False, timeout=30)
        return answer.raise_for_status().json()

    def payloads_in(self, state: str) -> dict[str, str]:
        """The payload ids of what was kept in `ready/` or `done/`, by study."""
        manifests = (self.kept.directory / "var" / "spool" / "scp" / state).glob("*.json")
        return {json.loads(file.read_bytes())["instances"][0]["study_instance_uid"]: file.stem for file in manifests}

    def export_states(self) -> list[str]:
        return sorted(row["state"] for row in self.ask("/exports?limit=100"))


@pytest.fixture
def site(kept: Kept, tmp_path: Path, rabbitmq: RabbitMQ, request: pytest.FixtureRequest) -> Iterator[Upgraded]:
    broker = settings_for(rabbitmq)
    for key in (ANNOUNCED, EXPORTED):
        bind_durably(rabbitmq, broker, key)
    with ExitStack() as stack:
        pacs, vna = stack.enter_context(raw_pacs()), stack.enter_context(raw_service())
        archive = stack.enter_context(faulty_archive(*held(STUDIES[0]), *held(STUDIES[1])))
        away = stack.enter_context(faulty_archive(*held(STUDIES[1])))
        ports = {PORTS["broker"]: rabbitmq.port, PORTS["pacs"]: pacs.peer.port, PORTS["vna"]: port_of(vna.url)}
        ports |= {ARCHIVE_PORT: port_of(archive.url), PORTS["away"]: port_of(away.url)}
        home = tmp_path / "mig"
        kept.restore_files(home, ports)
        close_open_groups(home / "gateway.toml", pacs.peer.called_ae)
        environment = restore_database(kept, home / "var", ports, request)
        own = {"MIG_PREFECT__API_URL": "", "MIG_EVENTS__VIRTUAL_HOST": broker.virtual_host}
        gateway = Gateway(tmp_path, **own, **environment)
        stack.callback(gateway.server.kill)
        gateway.start()
        yield Upgraded(kept, gateway, rabbitmq, broker.virtual_host, pacs, vna, archive, away)


def restore_database(
    kept: Kept, data_dir: Path, ports: dict[int, int], request: pytest.FixtureRequest
) -> dict[str, str]:
    if kept.database == "sqlite":
        kept.restore_database(f"sqlite:///{data_dir}/gateway.db", ports)
        return {}
    server: PostgreSQL = request.getfixturevalue("postgresql")
    url = server.url(server.new_database(), "psycopg")
    kept.restore_database(url, ports)
    return {"MIG_DATABASE__URL": url}


def close_open_groups(settings: Path, ae_title: str) -> None:
    text = settings.read_text().replace("timeout_seconds = 86400", "timeout_seconds = 1")
    settings.write_text(text.replace('ae_title = "PACS"', f'ae_title = "{ae_title}"'))


def port_of(url: str) -> int:
    return int(url.removesuffix("/dicom-web").rpartition(":")[2])


@every_version
def test_whatever_was_in_hand_ends_as_it_should(kept: Kept, site: Upgraded) -> None:
    site.gateway.wait_for_log("database upgraded")
    ready, done = site.payloads_in("ready"), site.payloads_in("done")
    assert (set(ready), set(done)) == ({"1.2.3.1002", "1.2.3.1004"}, {"1.2.3.1003"})

    # Payloads: announced once, whatever they lacked; the group that was open too, under the id that its files carry
    requests = {str(payload_id(request_id(name))) for name in ("T-half", "T-queued")}
    open_group = group_of(site)
    site.wait_until_told(ANNOUNCED, "payload_id", {*ready.values(), open_group, *requests})
    assert len(site.events[ANNOUNCED]) == 5
    spool = site.gateway.data_dir / "spool" / "scp"
    wait_until(lambda: not [*spool.glob("ready/*.json"), *spool.glob("done/*.json")], 60, "the spool to be cleared")
    assert not list(spool.glob("incoming/*/*.dcm"))
    assert not list(spool.glob("damaged/*/*"))

    # Exports: what was missing is sent, and nothing else; each settlement that nobody knew of is told
    settled = {"half", "waiting", "cancelled", "unpublished", "recorded", "failed"}
    site.wait_until_told(EXPORTED, "export_task_id", settled)
    assert site.export_states() == ["cancelled", "failed", *["succeeded"] * 5]
    status = {event["export_task_id"]: event["status"] for event in site.events[EXPORTED]}
    assert status == dict.fromkeys(settled, "Success") | {"cancelled": "Failure", "failed": "Failure"}
    assert len(site.pacs.names) == 2, "what `recorded` asks for; nothing a second time"
    assert len(site.vna.sent) == 4, "what `half` and `waiting` missed"

    # Requests: with the credentials and the files that were kept
    ends = {"T-done": "completed", "T-failed": "failed", "T-half": "completed", "T-queued": "completed"}
    assert {name: site.ask(f"/inference/status/{name}")["state"] for name in ends} == ends
    assert site.ask("/inference/status/T-failed")["message"].endswith("has no study 1.2.3.2999")
    assert set(site.archive.authorizations) | set(site.away.authorizations) == {f"Basic {CREDENTIAL}"}
    assert f"studies/{STUDIES[1]}" not in site.archive.wado, "it lay in the working area"


def group_of(site: Upgraded) -> str:
    """The payload id in the preambles of the files that no manifest lists."""
    spool = site.kept.directory / "var" / "spool" / "scp"
    listed = {
        instance["file"]
        for manifest in [*spool.glob("ready/*.json"), *spool.glob("done/*.json")]
        for instance in json.loads(manifest.read_bytes())["instances"]
    }
    files = [file for file in spool.glob("incoming/*/*.dcm") if str(file.relative_to(spool)) not in listed]
    (found,) = {str(UUID(bytes=file.read_bytes()[20:36])) for file in files}
    return found
