"""Proxies with TLS in front of the product, as operators run them."""

import base64
import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from deploy.run import LOOPBACK
from deploy.tests.conftest import PATIENCE_SECONDS, Copy

PASSWORD = "secret_1"


@dataclass(frozen=True)
class Proxy:
    """A running proxy.

    Attributes:
        product: the product behind it.
        host: the host and port with TLS.
        plain: the host and port without TLS.
        certificate: the certificate to trust.
        folder: the folder of its logs.
    """

    product: Copy
    host: str
    plain: str
    certificate: Path
    folder: Path

    def call(self, method: str, path: str, token: str = "", **request: Any) -> requests.Response:
        """Send a request over TLS."""
        return requests.request(
            method,
            f"https://{self.host}{path}",
            headers={"Authorization": token} if token else {},
            verify=str(self.certificate),
            timeout=PATIENCE_SECONDS,
            **request,
        )

    def register(self, name: str) -> dict[str, Any]:
        """Register an account; return its id and token."""
        email = f"{name}-{os.urandom(4).hex()}@example.com"
        person = {"email": email, "name": name, "password": PASSWORD}
        response = self.call("POST", "/account/reg", json=person)
        assert response.status_code == 200
        body: dict[str, Any] = response.json()
        return body


def program(name: str, configuration: str) -> str:
    """Find the program of a proxy; skip the tests without it."""
    program = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        missing = f"NOT TESTED: {configuration}; {name} is not installed"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return program


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Create a self-signed certificate for localhost, and its key."""
    certificate, key = folder / "fullchain.pem", folder / "privkey.pem"
    request = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*request, *files, *names], check=True, stderr=subprocess.DEVNULL)
    return certificate, key


def listens(port: int) -> bool:
    """Whether a port accepts connections."""
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, port)) == 0


def large_picture() -> str:
    """Create an image of 1.5 MB as a data URI."""
    out = BytesIO()
    Image.frombytes("RGB", (720, 720), os.urandom(720 * 720 * 3)).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
