"""RabbitMQ: the broker that production announces payloads with."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pika
from pika.exchange_type import ExchangeType

from tests.peers.components import RABBITMQ
from tests.peers.ports import free_port
from tests.peers.processes import Server, answers, listens

USERNAME = "guest"
PASSWORD = "guest"


@dataclass(frozen=True, slots=True)
class Received:
    """A message as a consumer got it."""

    routing_key: str
    body: bytes
    properties: pika.BasicProperties


@dataclass(frozen=True, slots=True)
class RabbitMQ:
    """A broker of one node with its management API. `epmd` is the name service that Erlang insists on."""

    server: Server
    epmd: Server
    port: int
    management_port: int
    host: str = "127.0.0.1"
    username: str = USERNAME
    password: str = PASSWORD

    def manage(self, method: str, path: str, content: Mapping[str, object] | None = None) -> httpx.Response:
        """Ask the management API, e.g. ("PUT", "/users/reader", {…}). Raises httpx.HTTPStatusError if it refuses."""
        address = f"http://{self.host}:{self.management_port}/api{path}"
        answer = httpx.request(method, address, json=content, auth=(self.username, self.password), trust_env=False)
        return answer.raise_for_status()

    def new_virtual_host(self) -> str:
        """Make a virtual host of its own for one test, and return its name."""
        name = f"test-{uuid4()}"
        self.manage("PUT", f"/vhosts/{name}")
        self.manage("PUT", f"/permissions/{name}/{self.username}", {"configure": ".*", "write": ".*", "read": ".*"})
        return name

    @contextmanager
    def connection(self, virtual_host: str) -> Iterator[pika.BlockingConnection]:
        """A connection as the administrator."""
        parameters = pika.ConnectionParameters(
            self.host, self.port, virtual_host, pika.PlainCredentials(self.username, self.password)
        )
        connection = pika.BlockingConnection(parameters)
        try:
            yield connection
        finally:
            if connection.is_open:
                connection.close()

    def bind_queue(
        self,
        virtual_host: str,
        exchange: str,
        routing_key: str,
        *,
        queue: str | None = None,
        arguments: Mapping[str, object] | None = None,
    ) -> str:
        """Declare a durable quorum queue bound to `routing_key`, and the topic exchange too. Returns its name.

        It is called as its key unless `queue` says otherwise; `arguments` go with its type. RabbitMQ 3.10 takes two
        seconds to write a new queue down: one that is killed sooner has it afterwards, but never serves it again.
        """
        queue = queue or routing_key
        with self.connection(virtual_host) as connection:
            channel = connection.channel()
            channel.exchange_declare(exchange, ExchangeType("topic"), durable=True)
            channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum", **(arguments or {})})
            channel.queue_bind(queue, exchange, routing_key)
        return queue

    def messages(self, virtual_host: str, queue: str, count: int, timeout_seconds: float = 10) -> list[Received]:
        """Take `count` messages from the queue, the oldest first; fewer where no other comes for `timeout_seconds`."""
        taken: list[Received] = []
        with self.connection(virtual_host) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=1)
            for method, properties, body in channel.consume(queue, inactivity_timeout=timeout_seconds):
                if method is None or properties is None or body is None:
                    break
                assert method.delivery_tag is not None
                channel.basic_ack(method.delivery_tag)
                taken.append(Received(str(method.routing_key), body, properties))
                if len(taken) == count:
                    break
            channel.cancel()
        return taken


@contextmanager
def running(directory: Path) -> Iterator[RabbitMQ]:
    """A broker that keeps its data in `directory`, with the guest user and no virtual host but `/`."""
    epmd = _epmd(directory)
    port, management_port = free_port(), free_port()
    server = _broker(directory, port, management_port, epmd_port=int(epmd.environment["ERL_EPMD_PORT"]))
    try:
        epmd.start()
        server.start()
        yield RabbitMQ(server, epmd, port, management_port)
    finally:
        server.kill()  # its orderly end takes six seconds, for data that nobody needs
        epmd.kill()


def _epmd(directory: Path) -> Server:
    """Started here and not by the broker, whose own would outlive it as a daemon."""
    port = free_port()

    def is_ready() -> bool:
        return listens(port)

    environment = {"ERL_EPMD_PORT": str(port), "ERL_EPMD_ADDRESS": "127.0.0.1"}
    return Server("epmd", [RABBITMQ.file("epmd")], directory, is_ready, environment)


def _broker(directory: Path, port: int, management_port: int, *, epmd_port: int) -> Server:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "rabbitmq.conf").write_text(_configuration(port, management_port), encoding="ascii")
    (directory / "enabled_plugins").write_text("[rabbitmq_management].\n", encoding="ascii")

    def is_ready() -> bool:
        credentials = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
        check = f"/api/health/checks/port-listener/{port}"  # the port opens last
        return answers(management_port, check, {"Authorization": f"Basic {credentials}"})

    return Server(
        "rabbitmq",
        [RABBITMQ.file("rabbitmq-server")],
        directory,
        is_ready,
        _environment(directory, epmd_port),
        start_seconds=120,
        stop_seconds=60,
    )


def _configuration(port: int, management_port: int) -> str:
    return f"""\
listeners.tcp.1 = 127.0.0.1:{port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management_port}
disk_free_limit.absolute = 50MB
log.console = true
log.console.level = warning
log.file = false
"""


def _environment(directory: Path, epmd_port: int) -> dict[str, str]:
    return {
        "detached": "yes",  # the start script becomes the broker, so that its process id and its signals are ours
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"test-{epmd_port}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_MNESIA_BASE": str(directory / "data"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
    }
