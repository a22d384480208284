"""The URL of a Redis server, or of Sentinels that know the current primary."""

from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

_SENTINEL = "redis+sentinel"
_SENTINEL_PORT = 26379
_SHAPE = "redis+sentinel://host:port,host:port/name"
_NO_URL = f"is not like redis://host:port/0, rediss://..., or {_SHAPE}"


class SentinelUrl(NamedTuple):
    """A primary behind Sentinels.

    Attributes:
        sentinels: the host and port of each Sentinel.
        name: the name of the primary.
        db: the number of the database.
        username: the user for the primary and its replicas; `password` likewise.
        sentinel_username: the user for the Sentinels; `sentinel_password` likewise.
    """

    sentinels: tuple[tuple[str, int], ...]
    name: str
    db: int
    username: str | None
    password: str | None
    sentinel_username: str | None
    sentinel_password: str | None


def parse_sentinel_url(url: str) -> SentinelUrl | None:
    """Parse ``redis+sentinel://[[user]:password@]host[:port],.../name[/db]``.

    The query may contain ``sentinel_username`` and ``sentinel_password``.

    Returns:
        None if it is the URL of a single server.

    Raises:
        ValueError: it is neither.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # The text of the error can contain the password.
        raise ValueError(_NO_URL) from None
    if parts.scheme != _SENTINEL:
        if parts.scheme not in ("redis", "rediss") or not (parts.netloc or parts.path):
            raise ValueError(_NO_URL)
        return None
    credentials, _, hosts = parts.netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    name, _, db = parts.path.strip("/").partition("/")
    query = parse_qs(parts.query)
    if unknown := query.keys() - {"sentinel_username", "sentinel_password"}:
        raise ValueError(f"has a parameter that is not known: {min(unknown)}")
    if not name:
        raise ValueError(f"lacks the name of the primary: {_SHAPE}")
    if db and not db.isdecimal():
        raise ValueError(f"has a database that is no number: {_SHAPE}/0")
    return SentinelUrl(
        tuple(_address(host) for host in hosts.split(",")),
        unquote(name),
        int(db or 0),
        unquote(username) or None,
        unquote(password) or None,
        *(query.get(key, [None])[0] for key in ("sentinel_username", "sentinel_password")),
    )


def check_redis_url(url: str) -> str:
    """Return the URL if it is valid.

    Raises:
        ValueError: it is not a URL of Redis.
    """
    parse_sentinel_url(url)
    return url


def _address(address: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port or _SENTINEL_PORT
    except ValueError:
        host, port = None, 0
    if not host:
        raise ValueError(f"has a Sentinel that is not host:port: {_SHAPE}")
    return host, port
