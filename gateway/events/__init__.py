"""How the workflow manager learns of a payload: over RabbitMQ, or as an event of Prefect.

Both keep one contract, and one suite of tests holds them to it: what `publish` returned for is with the broker and
survives its restart; a message published twice is known by its id; every wait is bounded; what goes wrong is a
BrokerUnavailable (try again) or a BrokerRefused (somebody has to act first). Nothing here tries again by itself.
"""

from contextlib import closing

from gateway.config import RabbitMqSettings, Settings
from gateway.events.port import EventPublisher, Message

__all__ = ["EventPublisher", "Message", "check_events", "open_publisher"]


def open_publisher(settings: Settings) -> EventPublisher:
    """The publisher that the settings name. Nothing is asked of its broker yet."""
    if isinstance(settings.events, RabbitMqSettings):
        from gateway.events.rabbitmq import RabbitMqPublisher

        return RabbitMqPublisher(settings.events)
    from gateway.events.prefect import PrefectPublisher

    return PrefectPublisher(settings.prefect_api_url)


def check_events(settings: Settings) -> None:
    """Return where the broker takes us in. Raises BrokerUnavailable and BrokerRefused."""
    with closing(open_publisher(settings)) as publisher:
        publisher.check()
