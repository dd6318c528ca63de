"""Settings: one TOML file, environment over file over default, every problem reported at once."""

from gateway.config.load import LoadedSettings, load_settings
from gateway.config.model import (
    ApplicationEntitySettings,
    DicomWebDestination,
    DimseDestination,
    LocalStoreSettings,
    PrefectEventSettings,
    RabbitMqSettings,
    S3StoreSettings,
    ScpSettings,
    Settings,
    SourceSettings,
    SpoolSettings,
)

__all__ = [
    "ApplicationEntitySettings",
    "DicomWebDestination",
    "DimseDestination",
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
