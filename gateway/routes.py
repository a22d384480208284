"""Which service owns which path, and which paths need no token.

A path belongs to a service if its first segment is a prefix of the service: two rules of the URL
map for each prefix. Paths are matched percent-decoded, and exactly the path that was matched is
forwarded.
"""

from typing import Any

from werkzeug.routing import BaseConverter, Map, MapAdapter

ROUTES = {
    "/account": "auth",
    "/verify": "auth",
    "/search_user": "social",
    "/search_user_detail": "social",
    "/add_friend": "social",
    "/friend_requests": "social",
    "/friend_request_handle": "social",
    "/groups": "social",
    "/friends": "social",
    "/manage_friends": "social",
    "/blocks": "social",
    "/conversations": "chat",
    "/interface": "chat",
    "/csrf": "chat",
    "/media": "chat",
    "/ws": "chat",
}
"""Prefixes, and the service that owns what begins with one."""

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

_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[^/\\;\x00-\x1f\x7f]+"


class SafePathConverter(BaseConverter):
    """The rest of a path, unless another program could read it as a different path.

    It has no empty and no dot segments (so no slash at the end), no backslashes, path parameters
    and control characters.
    """

    part_isolating = False
    regex = rf"{_SEGMENT}(?:/{_SEGMENT})*"


class UrlMap(Map):
    """Rules that match any path as it is, also if a websocket is asked for there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.merge_slashes = False
        self.converters["safe_path"] = SafePathConverter

    def bind_to_environ(self, *args: Any, **kwargs: Any) -> MapAdapter:
        """The adapter for a request."""
        adapter = super().bind_to_environ(*args, **kwargs)
        adapter.websocket = False  # Else an upgrade would match websocket rules alone.
        return adapter


def match_route(path: str) -> str | None:
    """The service that owns a percent-decoded path, by its first segment."""
    return ROUTES.get("/" + path.split("/", 2)[1])


def is_public(path: str) -> bool:
    """Whether a percent-decoded path is answered without a token."""
    return path in PUBLIC or path.startswith(PUBLIC_PREFIXES)
