"""The websocket of live events (``/ws/``)."""

from flask import Blueprint, g, request

from chat_service.domain import subscriptions
from chat_service.live.handshake import accept_handshake
from chat_service.live.subscriber import Subscriber
from shared.server.hijack import HijackedResponse, hijack_socket
from shared.service import public_base_url
from shared.web.authentication import public, verify_handshake_token

blueprint = Blueprint("live", __name__)


@public  # Browsers send no headers with a websocket: the token is in a subprotocol or the query.
def open_socket() -> HijackedResponse:
    """Open a websocket: 101, or a refusal as JSON."""
    claims = verify_handshake_token()
    g.user_id = claims.user_id
    handshake_response = accept_handshake(request.headers)
    subscriber = Subscriber(
        claims.user_id,
        claims.generation,
        claims.expires_at,
        public_base_url(),
        claims.token_id,
        claims.session_id,
    )
    subscriptions.open_socket(hijack_socket(request), handshake_response, subscriber)
    return HijackedResponse()


# The second rule serves requests without an upgrade, which get a refusal.
for websocket in (True, False):
    blueprint.add_url_rule(
        "/ws/", view_func=open_socket, methods=["GET"], websocket=websocket, strict_slashes=False
    )
