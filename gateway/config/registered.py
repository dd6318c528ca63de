"""Who takes part: application entities, sources, destinations and archives, as the settings register them."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from gateway.config.types import (
    GIGABYTE,
    AETitle,
    Host,
    HostOrNetwork,
    Port,
    ProxyAddress,
    Seconds,
    Section,
    ServiceUrl,
    Uid,
)
from gateway.network.addresses import written


class ApplicationEntitySettings(Section):
    ae_title: AETitle
    grouping: Literal["0020,000D", "0020,000E", "0010,0020"] = "0020,000D"
    timeout_seconds: Seconds = Field(5, description="quiet this long, and nobody feeding it: closed")
    hold_seconds: Seconds = Field(30, description="a silent open association holds its groups no longer")
    max_open_seconds: Seconds = 3600
    max_instances: int = Field(20_000, ge=1, le=1_000_000)
    max_bytes: int = Field(100 * GIGABYTE, ge=1)
    group_by_source: bool = Field(False, description="a payload for each calling AE title")
    workflows: tuple[str, ...] = ()
    allowed_sop_classes: tuple[Uid, ...] = ()
    ignored_sop_classes: tuple[Uid, ...] = ()
    refuse_ignored: bool = Field(False, description="answer 0x0122 instead of 0x0000 to what is ignored")


class SourceSettings(Section):
    ae_title: AETitle
    host: HostOrNetwork = Field(description="address, host name or network")


class DimseDestination(Section):
    kind: Literal["dimse"] = "dimse"
    name: str = Field(min_length=1, max_length=63)
    ae_title: AETitle
    host: Host
    port: Port = 104
    calling_ae_title: AETitle | None = None
    retry_for_seconds: Seconds = Field(3600, description="how long an export waits for it while it is away")
    operations_at_once: int = Field(
        8, ge=1, le=64, description="of one association, where it grants that; a crash leaves as many files in doubt"
    )
    connect_seconds: Seconds = Field(10, description="for each address of its host")
    answer_seconds: Seconds = Field(120, description="from the last byte of a file to the answer")
    slowest_bytes_per_second: int = Field(100_000, ge=1, description="a file that goes more slowly is given up")

    @property
    def address(self) -> str:
        """Where it is, for a person."""
        return f"{self.ae_title} at {written(self.host, self.port)}"


class DicomWebPeer(Section):
    name: str = Field(min_length=1, max_length=63)
    url: ServiceUrl
    username: str = ""
    password: SecretStr = SecretStr("")
    token: SecretStr = SecretStr("")
    ca_file: Path | None = None
    proxy: ProxyAddress = Field(SecretStr(""), description="for this one; empty: that of [network]; none: no proxy")

    @property
    def address(self) -> str:
        """Where it is, for a person."""
        return self.url


class DicomWebDestination(DicomWebPeer):
    kind: Literal["dicomweb"] = "dicomweb"
    retry_for_seconds: Seconds = Field(3600, description="how long an export waits for it while it is away")
    requests_at_once: int = Field(2, ge=1, le=8, description="of one export; a crash leaves as many batches in doubt")
    connect_seconds: Seconds = Field(10, description="for each address of its host, and again for TLS")
    answer_seconds: Seconds = Field(120, description="without one more byte of the answer")
    slowest_bytes_per_second: int = Field(100_000, ge=1, description="a request that goes more slowly is given up")


class DirectoryDestination(Section):
    kind: Literal["directory"] = "directory"
    name: str = Field(min_length=1, max_length=63)
    path: Path = Field(description="below it each file lies as its object key says")
    retry_for_seconds: Seconds = Field(3600, description="how long an export waits for it while it is away, or full")

    @property
    def address(self) -> str:
        """Where it is, for a person."""
        return str(self.path)


DestinationSettings = Annotated[
    DimseDestination | DicomWebDestination | DirectoryDestination, Field(discriminator="kind")
]
