"""Two bare Flask programs, of which the first forwards to the second: `benchmarks.floor` runs them.

They do what a gateway and a service cannot do without: forward a request, and read one row. They
verify, limit, log and measure nothing.
"""

import os
import socket

from flask import Flask, Response, jsonify, request
from sqlalchemy import bindparam, column, create_engine, select, table

gateway, service = Flask("gateway"), Flask("service")

_connections: list[socket.socket] = []
_engine = create_engine(os.environ["BARE_DATABASE_URL"], isolation_level="AUTOCOMMIT", pool_size=20)
_accounts = table("accounts", column("id"), column("name"), column("email"))
_BY_ID = select(_accounts).where(_accounts.c.id == bindparam("id"))


@gateway.get("/account/info")
def forward() -> Response:
    """Forward the request over a kept connection."""
    connection = _connections.pop() if _connections else _connect()
    token = request.headers["Authorization"]
    head = f"GET {request.full_path} HTTP/1.1\r\nHost: service\r\nAuthorization: {token}\r\n\r\n"
    connection.sendall(head.encode())
    response = connection.makefile("rb")
    status = int(response.readline().split()[1])
    length = 0
    while (line := response.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    body = response.read(length)
    _connections.append(connection)
    return Response(body, status, content_type="application/json")


def _connect() -> socket.socket:
    host, port = os.environ["BARE_SERVICE"].split(":")
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


@service.get("/account/info")
def account_info() -> Response:
    """Read one row."""
    with _engine.connect() as connection:
        row = connection.execute(_BY_ID, {"id": 1}).one()
    return jsonify(code=0, info="Succeed", id=row.id, name=row.name, email=row.email)
