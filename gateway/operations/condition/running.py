"""With which addresses the processes here run: each tells its own, so that a command in another shell finds them.

What they tell stands in the lock of their role, and counts while they hold it.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from gateway.config import Settings
from gateway.roles import holder

_ADDRESSES = {"scp": ("host", "port"), "api": ("host", "port"), "prefect": ("api_url", "host", "port")}
_WHO_TELLS = {"scp": ("scp",), "api": ("api",), "prefect": ("worker", "dispatch")}


def told(settings: Settings, section: str) -> Mapping[str, Any]:
    """What a process tells of the addresses in a section of its settings."""
    values = getattr(settings, section).model_dump(mode="json")
    shown = {name: values[name] for name in _ADDRESSES[section]}
    if "@" in shown.get("api_url", ""):  # credentials are nobody else's
        return {}
    return {section: shown}


def as_running(settings: Settings) -> Settings:
    """The settings of this shell, with the addresses that the processes on its data directory have in their place."""
    return settings.model_copy(update={name: _as_told(settings, name) for name in _ADDRESSES})


def _as_told(settings: Settings, section: str) -> Any:
    ours = getattr(settings, section)
    for role in _WHO_TELLS[section]:
        found = holder(settings.data_dir, role)
        if found and isinstance(found.told.get(section), Mapping):
            try:
                return type(ours).model_validate(ours.model_dump() | dict(found.told[section]))
            except ValidationError:  # an older or a newer program's
                continue
    return ours
