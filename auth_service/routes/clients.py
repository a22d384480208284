"""The client of a request."""

from flask import request

from auth_service.domain.sessions import Client
from shared.web.rate_limits import client_network

_MAX_ADDRESS_LENGTH = 64  # A proxy can send any text.
_MAX_DEVICE_LENGTH = 255


def current_client() -> Client:
    """Get the client of the current request."""
    return Client(
        (request.remote_addr or "")[:_MAX_ADDRESS_LENGTH],
        client_network()[:_MAX_ADDRESS_LENGTH],
        request.user_agent.string[:_MAX_DEVICE_LENGTH],
    )
