"""What leads out, directly or through a real forward proxy: our own client, sessions of requests, the pool for S3."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from requests.adapters import HTTPAdapter

from gateway.config import S3StoreSettings
from gateway.errors import GatewayError, PeerRefused, PeerUnavailable
from gateway.network.proxies import Proxy
from gateway.object_store.s3 import S3ObjectStore
from gateway.web.client import Body, Client, HttpRequest
from gateway.web.connecting import PlainConnection, SecureConnection
from gateway.web.errors import our_errors
from gateway.web.pool import http_pool
from gateway.web.service import HttpTimeouts, Service
from gateway.web.session import open_session
from tests.certificates import Certificate, self_signed
from tests.gateway.answering import answering
from tests.peers import forward_proxy
from tests.peers.forward_proxy import ForwardProxy
from tests.peers.minio import MinIO
from tests.peers.ports import free_port
from tests.waiting import wait_until

HASTY = HttpTimeouts(connect_seconds=2, send_seconds=2, answer_seconds=5)


def by_client(service: Service) -> bytes:
    return Client(service, HASTY).ask(HttpRequest("GET", "studies", "application/json")).body


def by_session(service: Service) -> bytes:
    with closing(open_session(service, HASTY)) as session, our_errors(service):
        answer = session.get(f"{service.url}/studies")
        answer.raise_for_status()
        return answer.content


either_way = pytest.mark.parametrize("ask", [by_client, by_session])
Ask = Callable[[Service], bytes]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForwardProxy]:
    with forward_proxy.running(tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture(scope="module")
def guarded_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForwardProxy]:
    with forward_proxy.running(tmp_path_factory.mktemp("guarded"), "user:p@ss") as running:
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("tls"))


@contextmanager
def archive(certificate: Certificate | None) -> Iterator[str]:
    """The base address of a service, behind TLS where there is a certificate."""
    if certificate is None:
        with answering(200, b'["found"]', "application/json") as address:
            yield f"http://{address}/dicom-web"
        return

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "9")
            self.end_headers()
            self.wfile.write(b'["found"]')

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.file, certificate.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/dicom-web"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def service(url: str, proxy: ForwardProxy | str, certificate: Certificate | None = None) -> Service:
    address = proxy if isinstance(proxy, str) else proxy.url
    return Service(url, ca_file=certificate.file if certificate else None, proxy=Proxy.at(address))


@either_way
@pytest.mark.parametrize("is_secure", [False, True])
def test_a_service_is_asked_through_it(
    proxy: ForwardProxy, certificate: Certificate, ask: Ask, is_secure: bool
) -> None:
    trusted = certificate if is_secure else None
    with archive(trusted) as url:
        assert ask(service(url, proxy, trusted)) == b'["found"]'
        port = url.split(":")[2].split("/")[0]
    passed = f"CONNECT 127.0.0.1:{port}" if is_secure else f"GET 127.0.0.1:{port}/dicom-web/studies"
    wait_until(lambda: passed in proxy.log, 10, "the proxy to tell what it passed on")


@either_way
@pytest.mark.parametrize("is_secure", [False, True])
def test_it_is_given_the_credentials_that_it_wants(
    guarded_proxy: ForwardProxy, certificate: Certificate, ask: Ask, is_secure: bool
) -> None:
    trusted = certificate if is_secure else None
    with archive(trusted) as url:
        address = guarded_proxy.url.replace("p@ss", "p%40ss")
        assert ask(service(url, address, trusted)) == b'["found"]'


@either_way
def test_one_that_refuses_us_is_named(guarded_proxy: ForwardProxy, certificate: Certificate, ask: Ask) -> None:
    address = f"http://user:wrong@127.0.0.1:{guarded_proxy.port}"
    with archive(certificate) as url, pytest.raises(PeerRefused) as refused:
        ask(service(url, address, certificate))
    told = str(refused.value)
    assert told.endswith(f"can't be reached: the proxy 127.0.0.1:{guarded_proxy.port} asks for credentials (HTTP 407)")
    assert "wrong" not in told


@either_way
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_one_that_is_away_is_named(ask: Ask, scheme: str) -> None:
    port = free_port()
    with pytest.raises(
        PeerUnavailable, match=rf"does not answer through the proxy 127\.0\.0\.1:{port}: connection refused"
    ):
        ask(service(f"{scheme}://archive.example/dicom-web", f"http://127.0.0.1:{port}"))


@either_way
def test_a_service_that_it_does_not_reach_is_waited_for(proxy: ForwardProxy, ask: Ask) -> None:
    with pytest.raises(PeerUnavailable):
        ask(service(f"https://127.0.0.1:{free_port()}/dicom-web", proxy))


@either_way
def test_a_certificate_is_checked_behind_it(proxy: ForwardProxy, certificate: Certificate, ask: Ask) -> None:
    with archive(certificate) as url, pytest.raises(PeerRefused, match="its certificate is not trusted"):
        ask(service(url, proxy))


@either_way
def test_somebody_else_in_its_place_is_no_proxy(ask: Ask) -> None:
    with answering(200, b"not found here", "text/plain") as address, pytest.raises(GatewayError):
        ask(service("https://archive.example/dicom-web", f"http://{address}"))


def test_a_body_goes_through_whole(proxy: ForwardProxy) -> None:
    with answering(200, b"", "application/json") as address:
        body = Body("application/octet-stream", 3_000_000, (bytearray(300_000) for _ in range(10)))
        to = service(f"http://{address}/dicom-web", proxy)
        answer = Client(to, HASTY).ask(HttpRequest("POST", "studies", "application/json", body))
    assert (answer.status, answer.whole) == (200, True)
    wait_until(lambda: f"POST {address}/dicom-web/studies" in proxy.log, 10, "the proxy to tell what it passed on")


@either_way
def test_a_host_that_has_no_name_server_entry_is_told(ask: Ask) -> None:
    with pytest.raises(PeerUnavailable, match="does not answer: its name can't be resolved"):
        ask(Service("http://no-such-host.invalid/dicom-web"))


@either_way
def test_without_one_a_service_is_asked_directly(certificate: Certificate, ask: Ask) -> None:
    with archive(certificate) as url:
        assert ask(Service(url, ca_file=certificate.file)) == b'["found"]'


@either_way
def test_an_address_of_ipv6_is_connected_to(ask: Ask) -> None:
    with answering(200, b'["found"]', "application/json", host="::1") as address:
        assert ask(Service(f"http://[::1]:{address.rpartition(':')[2]}/dicom-web")) == b'["found"]'


def test_every_library_has_its_connections_opened_in_one_place() -> None:
    with closing(open_session(Service("http://archive/dicom-web"), HASTY)) as session:
        adapter = session.get_adapter("https://archive/dicom-web")
        assert isinstance(adapter, HTTPAdapter)
        through = adapter.proxy_manager_for("http://proxy:3128")
    for pools in (adapter.poolmanager, through, http_pool(1, None), http_pool(1, None, Proxy("proxy", 3128))):
        plain, secure = pools.connection_from_url("http://a/"), pools.connection_from_url("https://b/")
        assert issubclass(plain.ConnectionCls, PlainConnection)
        assert issubclass(secure.ConnectionCls, SecureConnection)


@pytest.mark.peers
def test_an_object_store_is_asked_through_one_only_where_its_settings_say_so(
    proxy: ForwardProxy, minio: MinIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    bucket = minio.new_bucket()
    given = {"endpoint": minio.endpoint, "bucket": bucket, "access_key": minio.access_key, "secure": False}
    S3ObjectStore(S3StoreSettings.model_validate({**given, "secret_key": minio.secret_key})).check()
    assert bucket not in proxy.log
    through = S3StoreSettings.model_validate({**given, "secret_key": minio.secret_key, "proxy": proxy.url})
    S3ObjectStore(through).check()
    wait_until(lambda: bucket in proxy.log, 10, "the proxy to tell what it passed on")
