"""The destinations as they are registered now: a settings file may change while the dispatcher runs."""

from dataclasses import dataclass, field

from gateway.config import load_settings
from gateway.destinations.registered import Destinations
from gateway.errors import SettingsError
from gateway.work.outage import Outages


@dataclass
class CurrentDestinations:
    """Called, it returns what a run would find now, or the last that was found while the settings can't be read."""

    last: Destinations
    outages: Outages = field(default_factory=Outages)

    def __call__(self) -> Destinations:
        try:
            self.last = Destinations.of(load_settings().settings)
        except SettingsError as error:
            self.outages.began(error, "destinations", meanwhile="going on with the last destinations")
        else:
            self.outages.over("destinations")
        return self.last
