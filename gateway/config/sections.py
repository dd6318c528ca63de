"""Every section of the settings: each setting with its unit, its default and what it is for.

Names and defaults are documented in docs/settings.md; a test holds the two together.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from gateway.config.types import (
    GIGABYTE,
    AETitle,
    Bytes,
    Host,
    Hosts,
    Port,
    ProxyAddress,
    Seconds,
    Section,
    as_hosts,
)


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class SpoolSettings(Section):
    durability: Literal["disk", "os"] = Field(
        "disk", description='"disk" survives a power cut; "os" survives kill -9 only, and is faster'
    )
    reserve_bytes: Bytes = Field(2 * GIGABYTE, description="room kept to drain; senders are refused below it")


class ScpSettings(Section):
    host: Hosts = "0.0.0.0"  # noqa: S104 - a receiver is there to be reached
    port: Port = 11112
    max_associations: int = Field(100, ge=1, le=1000, description="at once; more are rejected 2/3/2")
    reject_unknown_sources: bool = Field(
        True, description="false only where no settings file is: the embedded default takes from anyone"
    )
    artim_seconds: Seconds = Field(30, description="a connection that asks for no association is closed")
    stranger_artim_seconds: Seconds = Field(3, description="the same, where no source is registered for its address")
    idle_seconds: Seconds = Field(60, description="an association that sends nothing is aborted")
    slowest_bytes_per_second: int = Field(
        10_000, ge=1, description="an association that sends an instance more slowly is closed, after idle_seconds"
    )
    max_pdu_bytes: int = Field(262_144, ge=16_384, le=16_777_216, description="largest PDU that we ask for")

    @property
    def hosts(self) -> tuple[str, ...]:
        return as_hosts(self.host)


class AssociationSettings(Section):
    keep_days: float = Field(90, gt=0, le=36_500, description="how long it is known who came, and who was refused")


class IndexSettings(Section):
    lookup: bool = Field(True, description="find payloads by Accession Number and Patient ID, by digests of them")
    lookup_key_file: Path | None = Field(
        None, description="makes the digests; default: `keys/lookup.key` in the data directory, made with SQLite only"
    )


class ScuSettings(Section):
    ae_title: AETitle = "MONAISCU"
    agent_name: str = "monaiscu"


class DicomWebSettings(Section):
    agent_name: str = "monaidicomweb"


class ApiSettings(Section):
    host: Hosts = "127.0.0.1"
    port: Port = 5000
    allowed_hosts: tuple[Host, ...] = Field(
        (), description="other names that clients call us by, e.g. of a proxy; what changes something is refused else"
    )
    max_body_bytes: int = Field(4_000_000, ge=1, description="of a request; a larger one is answered with 413")
    head_seconds: Seconds = Field(10, description="a connection on which no request has come by then is closed")
    body_seconds: Seconds = Field(30, description="a body that takes longer is answered with 408")

    @property
    def hosts(self) -> tuple[str, ...]:
        return as_hosts(self.host)


class InferenceSettings(Section):
    at_once: int = Field(4, ge=1, le=64, description="retrievals")
    retry_for_seconds: Seconds = Field(3600, description="how long a retrieval waits for a source that is away")
    allow_credentials_over_http: bool = Field(False, description="else such a request is refused")
    keep_failed_days: float = Field(7, gt=0, description="how long a failed request keeps its credentials")
    keep_output_days: float = Field(30, gt=0, description="how long those of outputResources are kept without exports")
    key_file: Path | None = Field(
        None, description="encrypts them; default: `keys/credentials.key` in the data directory, made with SQLite only"
    )
    allow_partial: bool = Field(False, description="announce a payload of which not all could be fetched")
    check_instance_count: bool = Field(True, description="hold archives to NumberOfStudyRelatedInstances")
    answer_seconds: Seconds = Field(120, description="without one more byte of an answer")
    slowest_bytes_per_second: int = Field(10_000, ge=1, description="an answer that comes more slowly is given up")
    page_size: int = Field(200, ge=1, le=10_000, description="what is asked for with one query")
    max_studies: int = Field(1000, ge=1, description="more of them found by one query are an error")
    max_instances: int = Field(100_000, ge=1, description="the same, of one study or series")
    max_resources: int = Field(10_000, ge=1, description="the same, by one FHIR search")
    ca_file: Path | None = Field(None, description="certification authority for the addresses of requests")


class LocalStoreSettings(Section):
    kind: Literal["local"] = "local"
    path: Path | None = Field(None, description="default: `objects` in the data directory")
    bucket: str = Field("monaideploy", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    uploads_at_once: int = Field(8, ge=1, le=64)


class NetworkSettings(Section):
    proxy: ProxyAddress = Field(
        SecretStr(""), description="for DICOMweb and FHIR; empty: that of the environment; none: no proxy"
    )
    no_proxy: tuple[str, ...] = Field((), description="hosts, domains and networks that are asked directly")


class S3StoreSettings(Section):
    kind: Literal["s3"] = "s3"
    endpoint: str = Field(pattern=r"^[^/\s:]+(:\d{1,5})?$", description="host:port, without a scheme")
    bucket: str = Field("monaideploy", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    access_key: str
    secret_key: SecretStr
    secure: bool = Field(True, description="TLS")
    ca_file: Path | None = Field(None, description="the site's own certification authority")
    region: str = "us-east-1"
    uploads_at_once: int = Field(8, ge=1, le=64)
    proxy: ProxyAddress = Field(SecretStr(""), description="empty: it is a part of ours, and asked directly")


class PrefectEventSettings(Section):
    kind: Literal["prefect"] = "prefect"


class RabbitMqSettings(Section):
    kind: Literal["rabbitmq"] = "rabbitmq"
    host: Host
    port: Port = 5672
    username: str = "guest"
    password: SecretStr = SecretStr("guest")
    virtual_host: str = "monaideploy"
    exchange: str = "monaideploy"
    dead_letter_exchange: str = "monaideploy-dead-letter"
    prefetch: int = Field(5, ge=1, le=1000, description="export requests on their way to a consumer at once")
    delivery_limit: int = Field(3, ge=1, description="deliveries after the first, then a request is a dead letter")
    tls: bool = False
    ca_file: Path | None = None


class DatabaseSettings(Section):
    url: SecretStr = Field(SecretStr(""), description="default: SQLite, `gateway.db` in the data directory")


class PrefectSettings(Section):
    api_url: str = Field("", pattern=r"^(https?://\S+)?$", description="empty: `mig up` starts a server of its own")
    host: Host = Field("127.0.0.1", description="where the server of `mig up` listens")
    port: Port = Field(4200, description="of the server of `mig up`")
    work_pool: str = Field("gateway", pattern=r"^[A-Za-z0-9_-]{1,64}$")


class WorkerSettings(Section):
    runs_at_once: int | None = Field(None, ge=1, le=64, description="default: 2 with the server of `mig up`, else 4")
    drain_seconds: Seconds = Field(600, description="how long a stopped worker waits for its runs")
    cancel_seconds: Seconds = Field(30, description="how long a cancelled run has, for the file on its way")
    other_flows: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")], ...] = Field(
        (), description="a site's own flows that workers carry out beside the gateway's, as `module.function`"
    )


ObjectStoreSettings = Annotated[LocalStoreSettings | S3StoreSettings, Field(discriminator="kind")]
EventSettings = Annotated[PrefectEventSettings | RabbitMqSettings, Field(discriminator="kind")]
