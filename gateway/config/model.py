"""The settings in force: their sections, what is registered, and what follows from both."""

import socket
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.config.registered import ApplicationEntitySettings, DestinationSettings, DicomWebPeer, SourceSettings
from gateway.config.sections import (
    ApiSettings,
    AssociationSettings,
    DatabaseSettings,
    DicomWebSettings,
    EventSettings,
    IndexSettings,
    InferenceSettings,
    LocalStoreSettings,
    LogSettings,
    NetworkSettings,
    ObjectStoreSettings,
    PrefectEventSettings,
    PrefectSettings,
    ScpSettings,
    ScuSettings,
    SpoolSettings,
    WorkerSettings,
)
from gateway.config.types import unique
from gateway.disk.paths import Paths
from gateway.network.addresses import EVERYWHERE
from gateway.network.proxies import Proxies, Proxy, environment_proxies, proxy_at


class Settings(BaseSettings):
    """The settings in force. Frozen; paths are absolute once `load_settings` has made it."""

    model_config = SettingsConfigDict(
        env_prefix="MIG_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=False,
    )

    data_dir: Path = Field(Path("var"), description="spool, local object store, SQLite files, keys")
    log: LogSettings = LogSettings()
    spool: SpoolSettings = SpoolSettings()
    network: NetworkSettings = NetworkSettings()
    scp: ScpSettings = ScpSettings()
    associations: AssociationSettings = AssociationSettings()
    index: IndexSettings = IndexSettings()
    scu: ScuSettings = ScuSettings()
    dicomweb: DicomWebSettings = DicomWebSettings()
    api: ApiSettings = ApiSettings()
    inference: InferenceSettings = InferenceSettings()
    object_store: ObjectStoreSettings = LocalStoreSettings()
    events: EventSettings = PrefectEventSettings()
    database: DatabaseSettings = DatabaseSettings()
    prefect: PrefectSettings = PrefectSettings()
    worker: WorkerSettings = WorkerSettings()
    application_entities: Annotated[
        tuple[ApplicationEntitySettings, ...],
        AfterValidator(unique(lambda entity: entity.ae_title, "the AE title")),
    ] = (ApplicationEntitySettings(ae_title="MIG"),)
    sources: Annotated[
        tuple[SourceSettings, ...],
        AfterValidator(unique(lambda source: (source.ae_title, source.host), "the source")),
    ] = ()
    destinations: Annotated[
        tuple[DestinationSettings, ...],
        AfterValidator(unique(lambda destination: destination.name, "the destination")),
    ] = ()
    dicomweb_sources: Annotated[
        tuple[DicomWebPeer, ...],
        AfterValidator(unique(lambda peer: peer.name, "the DICOMweb source")),
    ] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file (which arrives as arguments) over default."""
        return env_settings, init_settings

    @property
    def proxies(self) -> Proxies:
        """The proxies of what lies outside: the site's, else the environment's, whose exceptions hold for both."""
        of_environment = environment_proxies().proxies
        no_proxy = (*self.network.no_proxy, *of_environment.no_proxy)
        if address := self.network.proxy.get_secret_value():
            proxy = proxy_at(address)
            return Proxies(proxy, proxy, no_proxy)
        return replace(of_environment, no_proxy=no_proxy)

    def proxy_towards(self, url: str, own: SecretStr | None = None) -> Proxy | None:
        """The proxy through which an address outside is asked: its `own` where it has one."""
        if own and own.get_secret_value():
            return proxy_at(own.get_secret_value())
        return self.proxies.towards(url)

    @property
    def runs_at_once(self) -> int:
        """How many runs a worker of this gateway has at once: SQLite bears two."""
        return self.worker.runs_at_once or (4 if self.prefect.api_url else 2)

    @property
    def retrievals_at_once(self) -> int:
        """How many retrievals a worker of this gateway has at once, beside those."""
        return self.inference.at_once if self.prefect.api_url else min(self.inference.at_once, self.runs_at_once)

    @property
    def prefect_api_url(self) -> str:
        """The address of Prefect's API: the site's own, or that of the server of `mig up`."""
        return self.prefect.api_url.rstrip("/") or f"http://{self.prefect.host}:{self.prefect.port}/api"

    @property
    def dashboard_url(self) -> str:
        """Where the operator looks: at the site's own Prefect server, or at that of `mig up`."""
        if not self.prefect.api_url and self.prefect.host in EVERYWHERE:
            return f"http://{socket.gethostname()}:{self.prefect.port}"
        return self.prefect_api_url.removesuffix("/api")

    def run_url(self, run_id: UUID | None) -> str | None:
        """The page of a run in Prefect's dashboard."""
        return f"{self.dashboard_url}/runs/flow-run/{run_id}" if run_id else None

    @property
    def paths(self) -> Paths:
        """What lies where below the data directory."""
        return Paths(self.data_dir)

    @property
    def database_url(self) -> str:
        """The SQLAlchemy address of the gateway's database."""
        return self.database.url.get_secret_value() or f"sqlite:///{self.paths.database}"

    @property
    def has_local_database(self) -> bool:
        """Whether the gateway's database is a file of this node, which no other shares."""
        return self.database_url.startswith("sqlite")
