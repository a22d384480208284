"""The beginning of a websocket: an HTTP request that asks for one, and the consent."""

from typing import Final

from werkzeug.datastructures import Headers
from wsproto.utilities import generate_accept_token

from shared.web.authentication import offered_subprotocols
from shared.web.errors import bad_parameter

VERSION: Final = "13"
SUBPROTOCOL: Final = "ims"
_KEY_LENGTH = 24


def accept_handshake(headers: Headers) -> bytes:
    """The bytes that answer a handshake.

    Args:
        headers: of the request.

    Raises:
        ApiError: it is no handshake of a version that is spoken here.
    """
    key = headers.get("Sec-WebSocket-Key", "")
    wanted = {part.strip().lower() for part in headers.get("Connection", "").split(",")}
    if (
        headers.get("Upgrade", "").lower() != "websocket"
        or "upgrade" not in wanted
        or headers.get("Sec-WebSocket-Version") != VERSION
        or len(key) != _KEY_LENGTH
    ):
        raise bad_parameter("Upgrade")
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + generate_accept_token(key.encode("latin-1")),
    ]
    if SUBPROTOCOL in offered_subprotocols(headers):
        lines.append(b"Sec-WebSocket-Protocol: " + SUBPROTOCOL.encode())
    return b"\r\n".join((*lines, b"", b""))
