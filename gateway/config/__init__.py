"""Settings: one TOML file, environment over file over default, every problem reported at once."""

from gateway.config.load import LoadedSettings, load_settings
from gateway.config.model import Settings
from gateway.config.registered import (
    ApplicationEntitySettings,
    DestinationSettings,
    DicomWebDestination,
    DimseDestination,
    DirectoryDestination,
    SourceSettings,
)
from gateway.config.sections import (
    LocalStoreSettings,
    PrefectEventSettings,
    RabbitMqSettings,
    S3StoreSettings,
    ScpSettings,
    SpoolSettings,
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
