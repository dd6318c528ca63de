"""Read the settings from file and environment, and say where each came from."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource

from gateway.config.model import Settings
from gateway.config.sections import LocalStoreSettings
from gateway.config.toml_lines import Key, key_lines
from gateway.config.walk import key_of, with_absolute_paths
from gateway.errors import SettingsError

DEFAULT_FILE = Path("gateway.toml")
SYSTEM_FILE = Path("/etc/informatics-gateway/gateway.toml")
PLACES = (DEFAULT_FILE, SYSTEM_FILE)
"""Where settings are looked for, the first that is there, where nobody names a file."""


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings in force, the file they were read from, and the origin of each that is not a default."""

    settings: Settings
    file: Path | None
    origins: Mapping[Key, str]
    given: Settings  # as it was before paths became absolute

    def origin(self, key: Key) -> str:
        """Where the value at `key` comes from: `gateway.toml:12`, a variable's name, or `default`."""
        while key and self._is_given(key):
            if key in self.origins:
                return self.origins[key]
            key = key[:-1]
        return "default"

    def _is_given(self, key: Key) -> bool:
        """Whether the file or the environment says what is at `key`."""
        holder: Any = self.given
        for part in key[:-1]:
            holder = holder[part] if isinstance(part, int) else getattr(holder, part)
        return key[-1] in holder.model_fields_set if isinstance(holder, BaseModel) else True


def load_settings(file: Path | None = None) -> LoadedSettings:
    """Return the settings of `file`, else of `MIG_CONFIG`, else of the first of `PLACES`, else the defaults.

    The environment is over the file, the file over the defaults. A relative path starts at the file's directory.
    Raises SettingsError with every problem at once.
    """
    file = _find_file(file)
    in_file, lines = _read(file) if file else ({}, {})
    in_environment = _leaves(EnvSettingsSource(Settings)())
    origins = {
        key: f"{file}:{line}"
        for key, line in lines.items()
        if not any(key[: len(over)] == over for over in in_environment)
    }
    origins |= {key: _variable_name(key) for key in in_environment}
    problems = _unknown_variables()
    if file is None and "MIG_SOURCES" not in os.environ:
        in_file = {"scp": {"reject_unknown_sources": False}}  # the embedded default: nobody can be known yet
    try:
        settings = Settings(**in_file)
    except ValidationError as error:
        problems += list(dict.fromkeys(_in_words(problem, file, origins) for problem in error.errors()))
    if problems:
        raise SettingsError("\n".join(problems))
    return LoadedSettings(_with_absolute_paths(settings, file), file, origins, settings)


def _find_file(file: Path | None) -> Path | None:
    if file is None and os.environ.get("MIG_CONFIG"):
        file = Path(os.environ["MIG_CONFIG"])
    if file is None:
        return next((place for place in PLACES if place.is_file()), None)
    if not file.is_file():
        raise SettingsError(f"{file}: there is no such settings file")
    return file


def _read(file: Path) -> tuple[dict[str, Any], dict[Key, int]]:
    try:
        text = file.read_text(encoding="utf-8")
        return tomllib.loads(text), key_lines(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file}: can't be read: {error}") from error


def _leaves(values: Mapping[str, Any], above: Key = ()) -> list[Key]:
    keys: list[Key] = []
    for name, value in values.items():
        key = (*above, name)
        keys += _leaves(value, key) if isinstance(value, Mapping) else [key]
    return keys


def _variable_name(key: Key) -> str:
    return "MIG_" + "__".join(str(part).upper() for part in key)


def _unknown_variables() -> list[str]:
    known = {f"MIG_{name.upper()}" for name in Settings.model_fields} | {"MIG_CONFIG"}
    return [
        f"{name}: no such setting{_closest(name.split('__')[0], known)}"
        for name in sorted(os.environ)
        if name.startswith("MIG_") and name.split("__", 1)[0] not in known
    ]


def _closest(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _in_words(problem: ErrorDetails, file: Path | None, origins: Mapping[Key, str]) -> str:
    key = key_of(Settings, problem["loc"])
    text = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        text = "no such setting" + _closest(str(key[-1]), _neighbours(key))
    return f"{_where(key, file, origins)}: {'.'.join(map(str, key))}: {text}"


def _where(key: Key, file: Path | None, origins: Mapping[Key, str]) -> str:
    """Where to put right what is wrong at `key`: its own line or variable, its section's, or the variable to set."""
    for length in range(len(key), 0, -1):
        if key[:length] in origins:
            return origins[key[:length]]
    return _variable_name(key) if any(k[0] == key[0] for k in origins) or file is None else str(file)


def _neighbours(key: Key) -> set[str]:
    """The names that may stand beside the last part of `key`; none where that depends on a `kind`."""
    model: type[BaseModel] = Settings
    for part in key[:-1]:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return set()
        model = annotation
    return set(model.model_fields)


def _with_absolute_paths(settings: Settings, file: Path | None) -> Settings:
    here = (file.parent if file else Path()).absolute()
    absolute = with_absolute_paths(settings, here)
    store = absolute.object_store
    if isinstance(store, LocalStoreSettings) and not store.path:
        store = store.model_copy(update={"path": absolute.paths.objects})
    return absolute.model_copy(update={"object_store": store})
