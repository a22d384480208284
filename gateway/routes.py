"""Which service owns which path, and which paths need no token.

A path belongs to a service if its first segment is a prefix of the service. Paths are matched
percent-decoded, and exactly the path that was matched is forwarded.
"""

import re
from typing import NamedTuple


class Route(NamedTuple):
    """A first segment of paths, and the service that owns everything below it."""

    prefix: str
    service: str


ROUTES = (
    Route("/account", "auth"),
    Route("/verify", "auth"),
    Route("/search_user", "social"),
    Route("/search_user_detail", "social"),
    Route("/add_friend", "social"),
    Route("/friend_requests", "social"),
    Route("/friend_request_handle", "social"),
    Route("/groups", "social"),
    Route("/friends", "social"),
    Route("/manage_friends", "social"),
    Route("/blocks", "social"),
    Route("/conversations", "chat"),
    Route("/interface", "chat"),
    Route("/csrf", "chat"),
    Route("/media", "chat"),
    Route("/ws", "chat"),
)

PUBLIC = frozenset(
    {
        "/",
        "/account/reg",
        "/account/login",
        "/account/password/forgot",
        "/account/password/reset",
        "/verify",
        "/csrf",
        "/docs",
        "/openapi.json",
        "/healthz",
        "/livez",
        "/readyz",
    }
)
PUBLIC_PREFIXES = ("/account/avatar/", "/media/", "/docs/", "/web/")

WEBSOCKET_PATHS = frozenset({"/ws", "/ws/"})

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

# Whatever another program could read as a different path belongs to nobody: empty and dot
# segments (so a slash at the end, too), backslashes, path parameters, control characters.
_SEGMENT = r"/(?!\.{1,2}(?:/|\Z))[^/\\;\x00-\x1f\x7f]+"
_SAFE_PATH = re.compile(rf"(?:{_SEGMENT})+|/ws/")
_ROUTES = {route.prefix: route for route in ROUTES}


def match_route(path: str) -> Route | None:
    """The route that a percent-decoded path takes, if it leads to a service at all."""
    if not _SAFE_PATH.fullmatch(path):
        return None
    end = path.find("/", 1)
    return _ROUTES.get(path if end < 0 else path[:end])


def is_public(path: str) -> bool:
    """Whether a percent-decoded path is answered without a token."""
    return path in PUBLIC or path.startswith(PUBLIC_PREFIXES)
