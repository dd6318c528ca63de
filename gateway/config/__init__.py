"""Settings: one TOML file, environment over file over default, every problem reported at once."""

from gateway.config.load import LoadedSettings, load_settings
from gateway.config.model import (
    LocalStoreSettings,
    PrefectEventSettings,
    RabbitMqSettings,
    S3StoreSettings,
    ScpSettings,
    Settings,
    SpoolSettings,
)
from gateway.config.registered import (
    ApplicationEntitySettings,
    DestinationSettings,
    DicomWebDestination,
    DimseDestination,
    DirectoryDestination,
    SourceSettings,
)

__all__ = [
    "ApplicationEntitySettings",
    "DestinationSettings",
    "DicomWebDestination",
    "DimseDestination",
    "DirectoryDestination",
    "LoadedSettings",
    "LocalStoreSettings",
    "PrefectEventSettings",
    "RabbitMqSettings",
    "S3StoreSettings",
    "ScpSettings",
    "Settings",
    "SourceSettings",
    "SpoolSettings",
    "load_settings",
]
