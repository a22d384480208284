"""deploy/nginx.conf in a real nginx, with TLS, in front of the product."""

import json
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPResponse
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

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("nginx"),  # One nginx for all tests.
]
MIB = 1024 * 1024


def adapted(folder: Path, gateway: int, tls: int, plain: int) -> str:
    """Replace the ports and folders in the configuration by those of the test."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    text = text.replace("/etc/ssl/ims", str(folder)).replace("/var/log/nginx", str(folder))
    text = text.replace(f"{LOOPBACK}:8000", f"{LOOPBACK}:{gateway}")
    text = re.sub(r"listen \[::\].*\n", "", text)
    text = text.replace("listen 443", f"listen {LOOPBACK}:{tls}")
    text = text.replace("listen 80", f"listen {LOOPBACK}:{plain}")
    temporary = (
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return text.replace("http {", f"http {{ {' '.join(temporary)}", 1)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """nginx in front of a running product."""
    nginx, folder = program("nginx", "deploy/nginx.conf"), tmp_path_factory.mktemp("nginx")
    certificate, _ = make_certificate(folder)
    gateway, tls, plain = (free_port(number) for number in (1000, 2000, 3000))
    (folder / "nginx.conf").write_text(adapted(folder, gateway, tls, plain))
    user = "user root; " if os.geteuid() == 0 else ""
    options = f"{user}daemon off; pid {folder}/nginx.pid;"
    product = Copy(LAUNCH, gateway, folder / "data", {"TRUSTED_PROXIES": "1"})
    try:
        product.until_ready()
        running = subprocess.Popen(
            [nginx, "-e", folder / "error.log", "-c", folder / "nginx.conf", "-g", options]
        )
        try:
            until(lambda: listens(tls))
            yield Proxy(product, f"localhost:{tls}", f"localhost:{plain}", certificate, folder)
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
        "https://localhost/friends?a=b",
    )
    assert response.json() == {"code": -308, "info": "Permanent redirect"}


def test_what_is_uploaded_comes_back_and_addresses_given_out_have_tls(proxy: Proxy) -> None:
    alice, bob, picture = proxy.register("alice"), proxy.register("bob"), large_picture()
    change = {"origin_password": PASSWORD, "avatar": picture}

    assert proxy.call("PUT", "/account/info", alice["token"], json=change).status_code == 200

    own = proxy.call("GET", "/account/info", alice["token"]).json()
    detail = {"userId": alice["id"]}
    seen = proxy.call("GET", "/search_user_detail", bob["token"], params=detail).json()
    assert own["avatar"] == picture
    assert seen["user"]["avatar"].startswith(f"https://{proxy.host}/account/avatar/")


def test_what_is_too_large_is_refused(proxy: Proxy) -> None:
    response = proxy.call("POST", "/account/reg", data=bytes(17 * MIB))

    assert response.status_code == 413
    assert response.json() == {"code": -413, "info": "Payload too large"}


@pytest.mark.parametrize(
    ("raw_request", "status", "info"),
    [
        (b"GET /a b HTTP/1.1\r\n\r\n", 400, "Bad request"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "Bad request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n", 400, "Bad request"),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400, "Bad request"),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Bad method"),
        (b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 33_000), 414, "URI too long"),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nX: %b\r\n\r\n" % (b"a" * 33_000),
            431,
            "Request header fields too large",
        ),
    ],
)
@pytest.mark.parametrize("tls", [True, False])
def test_what_nginx_refuses_itself_is_json(
    proxy: Proxy, raw_request: bytes, status: int, info: str, tls: bool
) -> None:
    context = ssl.create_default_context(cafile=str(proxy.certificate))
    port = int((proxy.host if tls else proxy.plain).partition(":")[2])
    with ExitStack() as stack:
        wire = stack.enter_context(socket.create_connection((LOOPBACK, port), PATIENCE_SECONDS))
        if tls:
            wire = stack.enter_context(context.wrap_socket(wire, server_hostname="localhost"))
        wire.sendall(raw_request)
        response = HTTPResponse(wire)
        response.begin()
        body = json.loads(response.read())

    assert (response.status, response.getheader("Content-Type")) == (status, "application/json")
    assert body == {"code": -status, "info": info}


def test_who_speaks_no_tls_where_it_is_expected_gets_json(proxy: Proxy) -> None:
    response = requests.get(f"http://{proxy.host}/livez", timeout=PATIENCE_SECONDS)

    assert (response.status_code, response.json()["info"]) == (400, "Bad request")


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
    assert alice["token"] not in log.read_text() + (proxy.folder / "error.log").read_text()


@pytest.fixture(scope="module")
def away(proxy: Proxy) -> Proxy:
    """The proxy after the end of its product; for the last tests."""
    proxy.product.process.terminate()
    until(lambda: not listens(proxy.product.port))
    return proxy


def test_while_the_product_is_away_the_answer_is_json(away: Proxy) -> None:
    response = away.call("GET", "/friends")

    assert (response.status_code, response.headers["Content-Type"]) == (503, "application/json")
    assert response.json() == {"code": -503, "info": "Service unavailable"}


@pytest.mark.parametrize("path", ["/ws/", "/ws", "//ws/", "/conversations/search"])
def test_what_fails_is_logged_without_its_query(away: Proxy, path: str) -> None:
    assert away.call("GET", f"{path}?token=confidential").status_code == 503

    [*_, line] = (away.folder / "access.log").read_text().splitlines()
    assert f'"GET {path}" 503' in line
    assert line.endswith(f" upstream {LOOPBACK}:{away.product.port} 502")
    assert "confidential" not in line + (away.folder / "error.log").read_text()
