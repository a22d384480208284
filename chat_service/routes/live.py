"""The websocket on which people are told what happens (``/ws/``)."""

from flask import Blueprint, g, request

from chat_service.domain import listening
from chat_service.live.handshake import consent_to
from chat_service.live.sockets import Listener
from shared.server.hijack import TakenOver, connection_of
from shared.service import public_base
from shared.web.authentication import claims_of_handshake, public

blueprint = Blueprint("live", __name__)


@public  # The token is a subprotocol or in the query: a browser's websocket sets no headers.
def listen() -> TakenOver:
    """Open a websocket: 101, or a refusal like that of any other request."""
    claims = claims_of_handshake()
    g.user_id = claims.user_id
    consent = consent_to(request.headers)
    listener = Listener(
        claims.user_id,
        claims.generation,
        claims.expires_at,
        public_base(),
        claims.token_id,
        claims.session_id,
    )
    listening.listen(connection_of(request), consent, listener)
    return TakenOver()


# The second rule is for those who ask without wanting a websocket: they, too, get an answer.
for websocket in (True, False):
    blueprint.add_url_rule(
        "/ws/", view_func=listen, methods=["GET"], websocket=websocket, strict_slashes=False
    )
