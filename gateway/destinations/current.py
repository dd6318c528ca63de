"""The destinations as they are registered now: a settings file may change while the dispatcher runs."""

from dataclasses import dataclass, field

import structlog

from gateway.config import load_settings
from gateway.destinations.registered import Destinations
from gateway.errors import SettingsError

_log = structlog.get_logger()


@dataclass
class CurrentDestinations:
    """Called, it returns what a run would find now, or the last that was found while the settings can't be read."""

    last: Destinations
    is_current: bool = field(default=True, init=False)

    def __call__(self) -> Destinations:
        try:
            self.last, was_current = Destinations.of(load_settings().settings), self.is_current
            self.is_current = True
            if not was_current:
                _log.info("the settings can be read again")
        except SettingsError as error:
            if self.is_current:
                _log.warning("the settings can't be read; going on with the last destinations", reason=str(error))
            self.is_current = False
        return self.last
