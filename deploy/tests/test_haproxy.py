"""deploy/haproxy.cfg in a real HAProxy, with TLS, in front of the product and a broken gateway."""

import http.client
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests
from websocket import create_connection

from deploy.run import LOOPBACK, ROOT
from deploy.tests.conftest import LAUNCH, PATIENCE_SECONDS, Copy, free_port, until
from deploy.tests.proxies import (
    PASSWORD,
    Proxy,
    large_picture,
    listens,
    make_certificate,
    program,
)
from gateway.tests.upstreams import Upstream, refuse, run_upstream

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("haproxy"),  # One HAProxy for all tests.
]


@pytest.fixture(scope="module")
def unready() -> Iterator[Upstream]:
    """A gateway that responds 503 to every request."""
    with run_upstream("unready") as gateway:
        gateway.handler = refuse
        yield gateway


def adapted(folder: Path, gateway: int, unready: str, tls: int, plain: int) -> str:
    """Replace the ports and files in the configuration by those of the test."""
    text = (ROOT / "deploy" / "haproxy.cfg").read_text()
    changes = {
        "/etc/ssl/ims": str(folder),
        "bind :443": f"bind {LOOPBACK}:{tls}",
        "bind :80": f"bind {LOOPBACK}:{plain}",
        f"{LOOPBACK}:8000": f"{LOOPBACK}:{gateway}",
        f"{LOOPBACK}:8001": unready.removeprefix("http://"),
        "sc0_http_req_rate gt 1000": "sc0_http_req_rate gt 200",
        "sc0_conn_cur gt 500": "sc0_conn_cur gt 20",
        "sc0_conn_cur gt 1000": "sc0_conn_cur gt 30",
    }
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, unready: Upstream) -> Iterator[Proxy]:
    """HAProxy in front of a running product and the gateway that is not ready."""
    haproxy, folder = program("haproxy", "deploy/haproxy.cfg"), tmp_path_factory.mktemp("haproxy")
    certificate, key = make_certificate(folder)
    (folder / "ims.pem").write_text(certificate.read_text() + key.read_text())
    gateway, tls, plain = (free_port(number) for number in (1000, 2000, 3000))
    configuration = folder / "haproxy.cfg"
    configuration.write_text(adapted(folder, gateway, unready.url, tls, plain))
    product = Copy(LAUNCH, gateway, folder / "data", {"TRUSTED_PROXIES": "1"})
    try:
        product.until_ready()
        with (folder / "access.log").open("w") as log:
            running = subprocess.Popen([haproxy, "-db", "-f", configuration], stdout=log)
        proxy = Proxy(product, f"localhost:{tls}", f"localhost:{plain}", certificate, folder)
        try:
            until(lambda: listens(tls) or running.poll() is not None)
            # Not counted with the requests of the tests.
            until(lambda: all(status_for(proxy, "127.0.0.2") == 200 for _ in range(4)))
            yield proxy
        finally:
            running.terminate()
            running.wait()
    finally:
        product.find_family()
        product.close()


def test_who_comes_without_tls_is_sent_to_it(proxy: Proxy) -> None:
    response = requests.get(
        f"http://{proxy.plain}/friends?a=b", allow_redirects=False, timeout=PATIENCE_SECONDS
    )

    assert (response.status_code, response.headers["Location"]) == (
        308,
        f"https://{proxy.plain}/friends?a=b",
    )


def test_what_is_uploaded_comes_back_and_addresses_given_out_have_tls(proxy: Proxy) -> None:
    alice, bob, picture = proxy.register("alice"), proxy.register("bob"), large_picture()
    change = {"origin_password": PASSWORD, "avatar": picture}

    assert proxy.call("PUT", "/account/info", alice["token"], json=change).status_code == 200

    own = proxy.call("GET", "/account/info", alice["token"]).json()
    detail = {"userId": alice["id"]}
    seen = proxy.call("GET", "/search_user_detail", bob["token"], params=detail).json()
    assert own["avatar"] == picture
    assert seen["user"]["avatar"].startswith(f"https://{proxy.host}/account/avatar/")


def test_the_address_of_a_client_is_the_one_that_haproxy_sees(proxy: Proxy) -> None:
    connection = from_address(proxy, "127.0.0.2")
    person = {"email": "carol@example.com", "name": "carol", "password": PASSWORD}
    headers = {"Content-Type": "application/json", "X-Forwarded-For": "192.0.2.1"}
    connection.request("POST", "/account/reg", json.dumps(person), headers)
    token = json.loads(connection.getresponse().read())["token"]
    connection.close()

    [session] = proxy.call("GET", "/account/sessions", token).json()["sessions"]

    assert session["address"] == "127.0.0.2"


@pytest.mark.parametrize(
    ("path", "token", "status", "info"),
    [
        (f"/livez?{'a' * 20_000}", "", 414, "URI too long"),
        ("/livez", "a" * 40_000, 431, "Request header fields too large"),
    ],
    ids=["target", "header"],
)
def test_a_head_that_is_too_long_is_the_gateways_to_refuse(
    proxy: Proxy, path: str, token: str, status: int, info: str
) -> None:
    response = proxy.call("GET", path, token)

    assert (response.status_code, response.json()) == (status, {"code": -status, "info": info})


def test_a_websocket_passes_and_its_token_stays_out_of_the_log(proxy: Proxy) -> None:
    alice, bob = proxy.register("alice"), proxy.register("bob")
    wire = create_connection(
        f"wss://{proxy.host}/ws/?token={alice['token']}",
        sslopt={"ca_certs": str(proxy.certificate)},
        timeout=PATIENCE_SECONDS,
    )

    proxy.call("POST", "/add_friend", bob["token"], json={"target_id": alice["id"]})

    assert wire.recv() == '{"type":"request_message"}'
    wire.close()
    log = proxy.folder / "access.log"
    until(lambda: '"GET /ws/" 101' in log.read_text())
    assert alice["token"] not in log.read_text()


def test_a_gateway_that_is_not_ready_gets_nothing_but_the_question(
    proxy: Proxy, unready: Upstream
) -> None:
    unready.was_probed = False
    unready.received.clear()

    responses = [proxy.call("GET", "/livez") for _ in range(20)]
    until(lambda: unready.was_probed)

    assert {response.status_code for response in responses} == {200}
    assert not unready.received


def from_address(proxy: Proxy, address: str) -> http.client.HTTPSConnection:
    """Prepare a connection from another address of loopback."""
    host, _, port = proxy.host.partition(":")
    return http.client.HTTPSConnection(
        host,
        int(port),
        timeout=PATIENCE_SECONDS,
        source_address=(address, 0),
        context=ssl.create_default_context(cafile=str(proxy.certificate)),
    )


def status_for(proxy: Proxy, address: str) -> int:
    """Send one request from another address of loopback; return the status."""
    with closing(from_address(proxy, address)) as connection:
        return send(connection)[0]


def closes_at_once(proxy: Proxy, address: str) -> bool:
    """Whether a connection from another address of loopback is closed before it sends anything."""
    host, _, port = proxy.host.partition(":")
    peer = (host, int(port))
    try:
        with socket.create_connection(peer, PATIENCE_SECONDS, (address, 0)) as connection:
            return not connection.recv(1)
    except ConnectionResetError:
        return True


def send(connection: http.client.HTTPSConnection) -> tuple[int, str | None, bytes]:
    """Send a request; return the status, ``Retry-After`` and body."""
    connection.request("GET", "/livez")
    response = connection.getresponse()
    return response.status, response.headers["Retry-After"], response.read()


REFUSED = (429, "1", b'{"code":-429,"info":"Too many requests"}')


def test_too_many_requests_of_one_address_are_refused_and_no_others(proxy: Proxy) -> None:
    with closing(from_address(proxy, "127.0.0.3")) as connection:
        responses = [send(connection) for _ in range(400)]

    assert responses[0][0] == 200
    assert REFUSED in responses
    assert {response for response in responses if response[0] != 200} == {REFUSED}
    assert proxy.call("GET", "/livez").status_code == 200


def test_too_many_connections_of_one_address_are_refused_and_no_others(proxy: Proxy) -> None:
    with ExitStack() as stack:
        connections = [
            stack.enter_context(closing(from_address(proxy, "127.0.0.4"))) for _ in range(30)
        ]
        for connection in connections[:20]:
            assert send(connection)[0] == 200
        for connection in connections[20:]:
            assert send(connection) == REFUSED
        assert closes_at_once(proxy, "127.0.0.4")

        assert proxy.call("GET", "/livez").status_code == 200


def test_while_no_gateway_is_there_the_answer_is_json(proxy: Proxy) -> None:
    proxy.product.process.terminate()
    until(lambda: not listens(proxy.product.port))

    response = proxy.call("GET", "/friends")

    assert (response.status_code, response.headers["Content-Type"]) == (503, "application/json")
    assert response.json() == {"code": -503, "info": "Service unavailable"}
