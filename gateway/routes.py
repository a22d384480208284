"""Routes to the services, and the paths that need no token.

A path belongs to a service if its first segment is a prefix of the service: the URL map has two
rules for each prefix. Paths are matched percent-decoded, and exactly the matched path is
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
"""The service of each path prefix."""

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
    """The rest of a path that every program parses alike.

    It has no empty segments (and no slash at the end), dot segments, backslashes, path parameters
    or control characters.
    """

    part_isolating = False
    regex = rf"{_SEGMENT}(?:/{_SEGMENT})*"


class UrlMap(Map):
    """Rules that match unchanged paths, also of websocket handshakes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.merge_slashes = False
        self.converters["safe_path"] = SafePathConverter

    def bind_to_environ(self, *args: Any, **kwargs: Any) -> MapAdapter:
        """Create the adapter for a request."""
        adapter = super().bind_to_environ(*args, **kwargs)
        adapter.websocket = False  # With True only websocket rules match.
        return adapter


def match_route(path: str) -> str | None:
    """Get the service of a percent-decoded path, or None."""
    return ROUTES.get("/" + path.split("/", 2)[1])


def is_public(path: str) -> bool:
    """Whether a percent-decoded path needs no token."""
    return path in PUBLIC or path.startswith(PUBLIC_PREFIXES)
