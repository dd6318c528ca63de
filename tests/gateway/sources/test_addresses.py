"""Sources are the addresses of a request with its credentials, or archives that the settings know."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.acr.submission import read_submission
from gateway.acr.vocabulary import SERVES
from gateway.config.model import Settings
from gateway.config.registered import DicomWebPeer
from gateway.config.sections import InferenceSettings, NetworkSettings
from gateway.errors import InvalidRequest, SettingsError
from gateway.inference.studies_form import request_for_studies
from gateway.retrieval.open_sources import OpenSources, addresses_of
from gateway.retrieval.plan import plan_of
from gateway.sources.address import SourceAddress, service_of, timeouts_of
from gateway.sources.dicomweb import registered_service
from gateway.sources.kinds import KINDS, open_source
from tests.gateway.acr.requests import as_body, inference_request, source

ARCHIVE = DicomWebPeer.model_validate(
    {
        "name": "archive",
        "url": "https://archive/dicom-web",
        "username": "mig",
        "password": "secret",
        "ca_file": "site.pem",
    }
)


@pytest.mark.parametrize(
    ("auth_type", "header"),
    [("Basic", {"Authorization": "Basic abc"}), ("Bearer", {"Authorization": "Bearer abc"}), ("None", {})],
)
def test_a_source_of_a_request_has_the_credentials_as_they_came(auth_type: str, header: dict[str, str]) -> None:
    sources = [source("https://pacs:8042/a/path", auth_type=auth_type, auth_id="abc"), {"interface": "DIMSE"}]
    submission = read_submission(as_body(inference_request(sources=sources)), allow_credentials_over_http=False)
    settings = Settings(inference=InferenceSettings(ca_file=Path("site.pem")))
    addresses = addresses_of(submission.request, submission.credentials.sources)
    assert list(addresses) == [1]
    service = service_of(addresses[1], settings)
    assert (service.credentials(), service.ca_file) == (header, Path("site.pem"))
    assert str(service) == str(addresses[1]) == "https://pacs:8042"
    assert "abc" not in repr(service) + repr(addresses[1])


def test_a_registered_archive_has_those_of_the_settings() -> None:
    request = request_for_studies("run-1", "archive", ["1.2.3", "1.2.3", " 1.2.4 "], ["lung"])
    address = addresses_of(request, {})[0]
    assert (address.kind, str(address)) == ("dicomweb", "archive")
    service = registered_service("archive", Settings(dicomweb_sources=(ARCHIVE,)))
    assert service.credentials() == {"Authorization": "Basic bWlnOnNlY3JldA=="}
    assert (service.url, service.ca_file, str(service)) == ("https://archive/dicom-web", Path("site.pem"), "archive")
    (step,) = plan_of(request).steps
    assert step.input.kind == "studies"
    assert [study.study_instance_uid for study in step.input.studies] == ["1.2.3", "1.2.4"]


def test_sources_are_asked_through_the_sites_proxy_unless_they_say_otherwise() -> None:
    network = NetworkSettings.model_validate({"proxy": "http://proxy.hospital:3128", "no_proxy": ["pacs"]})
    direct = ARCHIVE.model_copy(update={"name": "direct", "proxy": SecretStr("none")})
    settings = Settings(network=network, dicomweb_sources=(ARCHIVE, direct))
    named = [source("https://pacs:8042/a/path"), source("https://elsewhere/fhir", interface="FHIR")]
    submission = read_submission(as_body(inference_request(sources=named)), allow_credentials_over_http=False)
    addresses = addresses_of(submission.request, {}).values()
    excepted, proxied = (service_of(address, settings) for address in addresses)
    assert (excepted.proxy, str(proxied.proxy)) == (None, "proxy.hospital:3128")
    registered = [registered_service(name, settings) for name in ("archive", "direct")]
    assert [str(service.proxy) for service in registered] == ["proxy.hospital:3128", "None"]


def test_an_archive_that_is_not_registered_is_told_with_those_that_are() -> None:
    request = request_for_studies("run-1", "pacs", ["1.2.3"], [])
    with (
        OpenSources(addresses_of(request, {}), Settings(dicomweb_sources=(ARCHIVE,))) as sources,
        pytest.raises(SettingsError, match=r"not registered in .* known: archive"),
    ):
        sources[0]


def test_a_kind_that_is_none_of_ours_is_told_with_those_that_are() -> None:
    with pytest.raises(SettingsError, match=r"https://pacs is a source of kind 'smb'; known: dicomweb, fhir"):
        open_source(SourceAddress("smb", "https://pacs/share"), Settings())


def test_every_interface_that_serves_something_has_an_adapter_and_no_adapter_is_without_one() -> None:
    assert {interface.kind for interface, served in SERVES.items() if served} == set(KINDS)


def test_a_form_that_is_filled_in_wrong_is_told_all_at_once() -> None:
    with pytest.raises(InvalidRequest) as refused:
        request_for_studies("run-1", " ", ["1.2.3", "Smith"], ["lung", ""])
    assert refused.value.problems == [
        "the archive is missing",
        "study 2 is not a UID: up to 64 digits and dots",
        "a workflow is blank",
    ]
    with pytest.raises(InvalidRequest, match="no study is named"):
        request_for_studies("run-1", "archive", [], [])


def test_the_timeouts_of_sources_are_those_of_the_settings() -> None:
    timeouts = timeouts_of(Settings(inference=InferenceSettings(answer_seconds=7, slowest_bytes_per_second=8)))
    assert (timeouts.answer_seconds, timeouts.slowest_bytes_per_second) == (7, 8)
