"""URLs of databases in the notations of libpq and SQLAlchemy."""

import re
from urllib.parse import parse_qsl, unquote, urlencode

_SCHEME = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://")
_SERVER = re.compile(r"(?:\[(?P<address>.+)\]|(?P<name>[^:]*))(?::(?P<port>\d*))?")


def sqlalchemy_url(url: str) -> str:
    """Convert a database URL to SQLAlchemy's notation, with psycopg as the driver of PostgreSQL.

    libpq separates several servers by commas (``postgresql://user@a:5432,b:5432/name``); SQLAlchemy
    passes them to it as the parameters ``host`` and ``port``.

    Raises:
        ValueError: it is not a URL of PostgreSQL or SQLite.
    """
    if url.startswith("sqlite://"):
        return url
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise ValueError("is not like postgresql://user:password@host:5432/name or sqlite:///file")
    place = url[scheme.end() :]
    authority = re.split(r"[/?]", place, maxsplit=1)[0]
    credentials, at, servers = authority.rpartition("@")
    matches = [_SERVER.fullmatch(server) for server in servers.split(",")]
    if None in matches:
        raise ValueError("holds a server that is not like host or host:5432")
    if len(matches) == 1:
        return f"postgresql+psycopg://{place}"
    hosts = [match["address"] or unquote(match["name"]) for match in matches if match]
    ports = [match["port"] or "5432" for match in matches if match]
    path, _, query = place.removeprefix(authority).partition("?")
    parameters = [("host", ",".join(hosts)), ("port", ",".join(ports)), *parse_qsl(query)]
    return f"postgresql+psycopg://{credentials}{at}{path}?{urlencode(parameters)}"
