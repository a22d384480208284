"""The websocket on which people are told what happens (``/ws/``)."""

from flask import Blueprint, g, request

from chat_service.domain import listening
from chat_service.live.handshake import consent_to
from chat_service.live.sockets import Listener
from shared.server.hijack import HijackedResponse, hijack_socket
from shared.service import public_base_url
from shared.web.authentication import public, verify_handshake_token

blueprint = Blueprint("live", __name__)


@public  # The token is a subprotocol or in the query: a browser's websocket sets no headers.
def listen() -> HijackedResponse:
    """Open a websocket: 101, or a refusal like that of any other request."""
    claims = verify_handshake_token()
    g.user_id = claims.user_id
    consent = consent_to(request.headers)
    listener = Listener(
        claims.user_id,
        claims.generation,
        claims.expires_at,
        public_base_url(),
        claims.token_id,
        claims.session_id,
    )
    listening.listen(hijack_socket(request), consent, listener)
    return HijackedResponse()


# The second rule is for those who ask without wanting a websocket: they, too, get an answer.
for websocket in (True, False):
    blueprint.add_url_rule(
        "/ws/", view_func=listen, methods=["GET"], websocket=websocket, strict_slashes=False
    )
