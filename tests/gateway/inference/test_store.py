"""Inference requests in the database: durable when accepted, held by one worker at a time, silent about credentials."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from gateway.config import Settings
from gateway.credentials.key_check import check_key
from gateway.credentials.vault import Vault, open_vault
from gateway.database import open_database
from gateway.errors import AlreadyKnown, CredentialsLost, DatabaseUnavailable, Dependency, SettingsError, TakenOver
from gateway.inference.identity import request_id
from gateway.inference.lease import take
from gateway.inference.outputs import NoSuchOutput, output_services
from gateway.inference.row import RequestState
from gateway.inference.store import RequestStore, opened_request_store
from gateway.payloads.finding import PayloadFilter
from gateway.payloads.index import PayloadIndex
from gateway.payloads.rows import Dispatch
from gateway.sources.outcome import RetrievalOutcome, SourceOutcome
from gateway.work.waiting import Wait
from tests.gateway.acr.requests import inference_request
from tests.gateway.events.payloads import instance, payload, resource
from tests.gateway.inference.store_scene import NOW, OUTPUT_SECRET, SECRET, Requests, announce

AWAY = Wait(Dependency.SOURCE, "away")
OUTCOME = RetrievalOutcome((SourceOutcome(1, found=3, fetched=2, bytes=10),), (), ("a remark",))


def test_an_accepted_request_is_there_for_every_other_process(requests: Requests, database_url: str) -> None:
    accepted = requests.accept("T-1", priority=200)
    assert accepted == request_id("T-1")
    with opened_request_store(database_url) as other:
        row = other.find_by_transaction("T-1")
    assert row
    assert (row.state, row.created, row.tries, row.fencing_token) == (RequestState.QUEUED, NOW, 0, 0)
    assert (row.request.transaction_id, row.request.priority, row.request.workflows) == ("T-1", 200, ("lung-nodules",))


def test_a_transaction_is_taken_once(requests: Requests) -> None:
    requests.accept("T-1")
    with pytest.raises(AlreadyKnown) as known:
        requests.accept("T-1")
    assert "T-1" not in str(known.value)
    assert len(requests.store.newest(10)) == 1


def test_of_many_that_post_the_same_at_once_one_is_taken(requests: Requests) -> None:
    def accept(_: int) -> bool:
        try:
            requests.accept("T-1")
        except AlreadyKnown:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(accept, range(8))) == 1


def test_credentials_are_not_in_the_database_in_the_clear(requests: Requests) -> None:
    requests.accept()
    with requests.store.engine.connect() as connection:
        everything = str(connection.execute(text("SELECT * FROM inference_requests")).all())
    assert SECRET not in everything
    assert OUTPUT_SECRET not in everything


def test_a_hold_opens_the_credentials(requests: Requests) -> None:
    lease = requests.take(requests.accept())
    assert {number: each.value for number, each in lease.open_sources(requests.vault).items()} == {1: SECRET}


def test_taking_it_counts_the_tries_and_names_the_run(requests: Requests) -> None:
    accepted, run = requests.accept(), uuid4()
    requests.take(accepted)
    requests.now += timedelta(minutes=1)
    requests.take(accepted, run)
    row = requests.row(accepted)
    assert (row.state, row.tries, row.fencing_token, row.flow_run_id, row.started) == (
        RequestState.RUNNING,
        2,
        2,
        run,
        NOW,
    )


def test_who_comes_later_fences_off_who_was_there(requests: Requests) -> None:
    accepted = requests.accept()
    first = requests.take(accepted)
    second = requests.take(accepted)
    with pytest.raises(TakenOver):
        first.note_outcome(OUTCOME)
    with pytest.raises(TakenOver):
        first.complete(NOW)
    with pytest.raises(TakenOver):
        first.row()
    second.note_outcome(OUTCOME)
    assert requests.row(accepted).outcome == OUTCOME


def test_of_many_that_take_it_at_once_one_may_go_on(requests: Requests) -> None:
    accepted = requests.accept()

    with ThreadPoolExecutor(8) as threads:
        tokens = list(threads.map(lambda _: requests.take(accepted).fencing_token, range(8)))
    assert sorted(tokens) == list(range(1, 9))
    assert requests.row(accepted).fencing_token == 8


def test_what_is_fixed_is_read_back_as_it_was(requests: Requests) -> None:
    lease, made = requests.take(requests.accept()), payload()
    lease.keep_payload(payload())
    lease.keep_payload(made)
    assert lease.payload() == made


def test_credentials_for_sources_are_erased_when_it_is_announced(requests: Requests) -> None:
    accepted = requests.accept()
    requests.announce(accepted)
    assert requests.sealed(accepted) == (False, True)
    assert take(requests.store, accepted, uuid4(), NOW) is None


def test_what_it_became_stands_among_the_payloads_from_when_it_is_announced(requests: Requests) -> None:
    accepted, run = requests.accept(), uuid4()
    lease, index = requests.take(accepted, run), PayloadIndex(requests.store.engine)
    assert index.newest(10) == []
    became = announce(lease, NOW + timedelta(seconds=9), payload(instance(1), instance(2)))
    (row,) = index.newest(10, PayloadFilter(study="1.2.3"))
    assert (row.payload_id, row.request_id, row.state) == (became.payload_id, accepted, Dispatch.ANNOUNCED)
    assert (row.called_ae, row.calling_ae, row.instances, row.flow_run_id) == ("ACR-DSI", "ACR-1", 2, run)
    assert (row.uploaded, row.announced) == (NOW + timedelta(seconds=9),) * 2
    assert index.open_rows(became.node) == []


def test_resources_alone_are_a_payload_too(requests: Requests) -> None:
    fetched = {"instances": (), "resources": (resource(), resource("b")), "partial": True}
    became = requests.announce(requests.accept(), payload().model_copy(update=fetched))
    row = PayloadIndex(requests.store.engine).row(became.payload_id)
    assert row
    assert (row.instances, row.resources, row.bytes, row.partial) == (0, 2, 40, True)


def test_who_has_lost_it_lists_nothing(requests: Requests) -> None:
    accepted = requests.accept()
    first = requests.take(accepted)
    first.keep_payload(payload())
    requests.take(accepted)
    with pytest.raises(TakenOver):
        first.complete(NOW)
    assert PayloadIndex(requests.store.engine).newest(10) == []


def test_credentials_for_sources_are_erased_when_it_is_cancelled(requests: Requests) -> None:
    accepted = requests.accept()
    lease = requests.take(accepted)
    lease.keep_payload(payload())
    assert requests.store.cancel(accepted, "cancelled", NOW)
    assert requests.sealed(accepted) == (False, True)
    with pytest.raises(TakenOver):
        lease.complete(NOW)
    assert requests.row(accepted).state is RequestState.CANCELLED


def test_a_failed_one_keeps_its_credentials_for_a_while(requests: Requests) -> None:
    accepted = requests.accept()
    requests.take(accepted).fail("no such study", NOW)
    week = timedelta(days=7)
    assert requests.store.erase_expired(NOW + week, keep_failed=week) == 0
    assert requests.sealed(accepted) == (True, True)
    assert requests.store.erase_expired(NOW + week + timedelta(seconds=1), keep_failed=week) == 1
    assert requests.sealed(accepted) == (False, True)
    with pytest.raises(CredentialsLost, match="submit the request again"):
        requests.take(accepted)


def test_a_retry_within_that_time_goes_on(requests: Requests) -> None:
    accepted = requests.accept()
    requests.take(accepted).fail("no such study", NOW)
    assert requests.take(accepted).open_sources(requests.vault)
    row = requests.row(accepted)
    assert (row.state, row.message, row.ended) == (RequestState.RUNNING, "", None)


def test_one_without_credentials_can_be_retried_for_ever(requests: Requests) -> None:
    accepted = requests.accept_json(inference_request())
    requests.take(accepted).fail("no such study", NOW)
    requests.store.erase_expired(NOW + timedelta(days=365), keep_failed=timedelta(days=7))
    assert requests.take(accepted)


def test_one_whose_objects_are_stored_needs_no_credentials_any_more(requests: Requests) -> None:
    accepted = requests.accept()
    lease = requests.take(accepted)
    lease.note_uploaded(NOW)
    lease.fail("the broker refuses us", NOW)
    requests.store.erase_expired(NOW + timedelta(days=8), keep_failed=timedelta(days=7))
    assert requests.take(accepted)


def test_where_it_waits_since_is_forgotten_when_somebody_retries_it(requests: Requests) -> None:
    accepted = requests.accept()
    requests.take(accepted).wait([AWAY], NOW + timedelta(minutes=1), NOW, NOW)
    assert requests.row(accepted).state is RequestState.WAITING
    lease = requests.take(accepted)
    assert requests.row(accepted).waiting_since == NOW
    lease.fail("given up", NOW)
    requests.take(accepted)
    assert requests.row(accepted).waiting_since is None


def test_what_needs_a_run_is_told_in_the_order_of_its_coming(requests: Requests) -> None:
    accepted = []
    for number in range(3):
        requests.now += timedelta(seconds=1)
        accepted.append(requests.accept(f"T-{number}"))
    requests.store.work.note_run(accepted[1], 1, uuid4())
    assert [work.work_id for work in requests.store.work.without_run(10)] == [accepted[0], accepted[2]]
    assert [work.work_id for work in requests.store.work.with_run(None, 10)] == [accepted[1]]
    assert [row.request_id for row in requests.store.newest(2)] == [accepted[2], accepted[1]]


def test_requests_are_counted_by_state(requests: Requests) -> None:
    requests.accept("T-1")
    requests.now += timedelta(minutes=1)
    requests.take(requests.accept("T-2")).fail("no such study", NOW)
    requests.accept("T-3")
    later = NOW + timedelta(minutes=1)
    assert requests.store.work.depths() == {RequestState.QUEUED: (2, NOW), RequestState.FAILED: (1, later)}


def test_a_run_that_is_not_its_own_any_more_says_nothing_of_it(requests: Requests) -> None:
    accepted, run = requests.accept(), uuid4()
    requests.take(accepted, run)
    requests.store.note_failed(accepted, "crashed", NOW, run=uuid4())
    assert not requests.store.cancel(accepted, "cancelled", NOW, run=uuid4())
    assert requests.row(accepted).state is RequestState.RUNNING
    requests.store.note_failed(accepted, "crashed", NOW, run=run)
    assert requests.row(accepted).state is RequestState.FAILED


def test_it_is_found_by_the_first_digits_of_its_id(requests: Requests) -> None:
    accepted = requests.accept()
    assert [row.request_id for row in requests.store.matching(str(accepted)[:10])] == [accepted]
    assert requests.store.matching("%") == []


def test_every_process_that_shares_a_database_has_the_same_key(requests: Requests) -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    engine = requests.store.engine
    check_key(engine, Vault([old], "key file"))
    check_key(engine, Vault([old], "key file"))
    with pytest.raises(SettingsError, match="key file is not the key"):
        check_key(engine, Vault([new], "key file"))
    check_key(engine, Vault([new, old], "key file"))  # rotated
    check_key(engine, Vault([new], "key file"))


def test_an_export_learns_where_the_results_go(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with opened_request_store(settings.database_url) as store:
        requests = Requests(store, vault=open_vault(settings))
        requests.accept("T-1")
        (service,) = output_services(store, "T-1", settings, NOW)
    assert (service.url, str(service)) == ("https://vna.hospital/dicom-web", "https://vna.hospital")
    assert service.credentials() == {"Authorization": f"Bearer {OUTPUT_SECRET}"}


def test_the_term_of_output_credentials_is_renewed_while_exports_ask_for_them(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with opened_request_store(settings.database_url) as store:
        requests = Requests(store, vault=open_vault(settings))
        accepted = requests.accept("T-1")
        requests.announce(accepted)
        output_services(store, "T-1", settings, NOW + timedelta(days=29))
        assert store.erase_expired(NOW + timedelta(days=58), keep_failed=timedelta(days=7)) == 0
        assert store.erase_expired(NOW + timedelta(days=60), keep_failed=timedelta(days=7)) == 1
        with pytest.raises(CredentialsLost, match="submit the request again"):
            output_services(store, "T-1", settings, NOW + timedelta(days=60))


def test_an_export_to_an_unknown_transaction_is_told_so(requests: Requests, tmp_path: Path) -> None:
    requests.accept_json(inference_request(transaction_id="Doe^Jane"))
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(NoSuchOutput, match="nor the transactionID of an inference request"):
        output_services(requests.store, "T-2", settings, NOW)
    with pytest.raises(NoSuchOutput) as none:
        output_services(requests.store, "Doe^Jane", settings, NOW)
    assert "Doe" not in str(none.value)


def test_a_database_that_is_away_is_waited_for() -> None:
    engine = open_database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable):
        RequestStore(engine).newest(1)
    engine.dispose()
