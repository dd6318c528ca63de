"""Who is turned away is told why in the log: the address, the letter case, the title that was meant."""

import pytest

from gateway.config import ApplicationEntitySettings, SourceSettings
from gateway.registry import Registry

MIG = ApplicationEntitySettings(ae_title="MIG")
NAMES = {"ct03.hospital": frozenset({"10.1.0.30"}), "ct04.hospital": frozenset[str]()}


@pytest.fixture
def registry() -> Registry:
    hosts = [
        *(("CT01", "10.1.0.16"), ("CT02", "10.1.0.17"), ("CT03", "ct03.hospital"), ("CT04", "ct04.hospital")),
        *(("ULTRASOUND", f"10.2.0.{number}") for number in range(1, 6)),
    ]
    sources = [SourceSettings(ae_title=title, host=host) for title, host in hosts]
    registry = Registry([MIG], sources, reject_unknown_sources=True, resolve=NAMES.__getitem__)
    registry.names.renew()
    return registry


@pytest.mark.parametrize(
    ("called_ae", "said"),
    [
        ("MIGG", "no AE title MIGG; did you mean MIG"),
        ("mig", "mig differs from MIG in letter case only"),
        ("ARCHIVE", "no AE title ARCHIVE"),
        ("", "it called no AE title"),
    ],
)
def test_an_ae_title_that_is_not_here(registry: Registry, called_ae: str, said: str) -> None:
    assert registry.why_entity_unknown(called_ae) == said


@pytest.mark.parametrize(
    ("calling_ae", "address", "said"),
    [
        ("CT02", "10.1.0.99", "CT02 is registered for 10.1.0.17, it came from 10.1.0.99"),
        ("CT03", "10.1.0.99", "CT03 is registered for ct03.hospital, it came from 10.1.0.99"),
        (
            "ULTRASOUND",
            "10.9.9.9",
            "ULTRASOUND is registered for 10.2.0.1, 10.2.0.2, 10.2.0.3 and 2 more, it came from 10.9.9.9",
        ),
        ("ct02", "10.1.0.17", "ct02 differs from CT02 in letter case only"),
        ("ct02", "10.1.0.99", "ct02 differs from CT02 in letter case only, and it came from 10.1.0.99"),
        ("CT002", "10.1.0.17", "no source CT002 is registered; did you mean CT02; it came from 10.1.0.17"),
        ("ANGIO", "10.1.0.17", "no source ANGIO is registered; it came from 10.1.0.17, which is registered for CT02"),
        ("ANGIO", "10.9.9.9", "no source ANGIO is registered; it came from 10.9.9.9"),
        ("", "10.9.9.9", "it gave no calling AE title, it came from 10.9.9.9"),
    ],
)
def test_a_source_that_is_not_known(registry: Registry, calling_ae: str, address: str, said: str) -> None:
    assert registry.why_source_unknown(calling_ae, address) == said


def test_a_source_whose_name_has_no_address_yet(registry: Registry) -> None:
    said = registry.why_source_unknown("CT04", "10.1.0.99")
    assert said == (
        "CT04 is registered for ct04.hospital, it came from 10.1.0.99; "
        "no name server has given an address of ct04.hospital"
    )
