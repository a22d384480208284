"""The opening handshake of websockets (RFC 6455, section 4)."""

from typing import Final

from werkzeug.datastructures import Headers
from wsproto.utilities import generate_accept_token

from shared.web.authentication import offered_subprotocols
from shared.web.errors import bad_parameter

VERSION: Final = "13"
SUBPROTOCOL: Final = "ims"
_KEY_LENGTH = 24


def accept_handshake(headers: Headers) -> bytes:
    """Build the response to a handshake.

    Args:
        headers: the headers of the request.

    Raises:
        ApiError: ``BAD_PARAMETER``: not a handshake, or another version than 13.
    """
    key = headers.get("Sec-WebSocket-Key", "")
    options = {part.strip().lower() for part in headers.get("Connection", "").split(",")}
    if (
        headers.get("Upgrade", "").lower() != "websocket"
        or "upgrade" not in options
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
