"""The bounds against each attack, and the product without them.

``python -m tests.attacks.bounds`` is ``deploy.run`` without the bounds against the attack in
``IMS_ATTACK``: workers remove them before they load their application.
"""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import reduce
from importlib import import_module
from typing import Any

from deploy import run, supervise

ATTACK = "IMS_ATTACK"
_NONE = 10**9
_OFTEN = f"{_NONE}/minute"


@dataclass(frozen=True)
class Bounds:
    """The bounds against an attack.

    Attributes:
        words: a description of the bounds.
        settings: settings without bounds.
        values: values of attributes without bounds, as ``module:name`` or ``module:object.name``.
    """

    words: str
    settings: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    def lift(self, program: str) -> None:
        """Remove the bounds of a program."""
        for path, value in self.values.items():
            if path.partition(".")[0] in (program, "shared"):
                owner, name = find_owner(path)
                setattr(owner, name, value)


def find_owner(path: str) -> tuple[Any, str]:
    """Find the object with the attribute of a path, and the attribute's name.

    Raises:
        AttributeError: the attribute does not exist.
    """
    module, _, names = path.partition(":")
    *owners, name = names.split(".")
    owner = reduce(getattr, owners, import_module(module))
    getattr(owner, name)
    return owner, name


def _budget_without_shares(total: int, _per_caller: int | None = None) -> Any:
    return import_module("shared.web.budget").Budget(total, total)


def _proxy_from_a_place(service: Any, settings: Any) -> Any:
    """Let a request take a place at its service while its body is still on its way."""
    proxy_request: Callable[[Any, Any], Any] = import_module("gateway.proxy").proxy_request
    with service._slots.reserve(1, None):
        return proxy_request(service, settings)


def _used_from_nowhere(_network: Any) -> Any:
    return import_module("sqlalchemy").false()


def _do_nothing() -> None:
    pass


def _read_some(unreader: Any, _max_line_bytes: int) -> bytes:
    some: bytes = unreader.read()
    return some


_PICTURES = Bounds(
    "memory and processor time of the decoder; pictures of one user that wait",
    values={
        "shared.media.decoder:PROGRAM": "tests.attacks.unbounded_decoder",
        "shared.media.decoder:decoder._queue._limit": _NONE,
        "shared.media.decoder:decoder._queue._limit_per_user": _NONE,
    },
)
_BODIES = Bounds(
    "64 KiB without a token; a place at a service only for a request that is all there",
    values={
        "gateway.request_body:MAX_PUBLIC_BYTES": _NONE,
        "gateway.app:proxy_request": _proxy_from_a_place,
    },
)
_NO_TURNS = {"shared.server.request_head:yield_to_others": _do_nothing}
_TURNS = Bounds(
    "requests of one address, which take turns with those of others",
    {"RATE_LIMIT_ADDRESS": _OFTEN},
    _NO_TURNS,
)
_SHARES = {"gateway.upstream:Budget": _budget_without_shares}
BOUNDS: Mapping[str, Bounds] = {
    "send_large_pictures": _PICTURES,
    "put_large_avatars": _PICTURES,
    "stall_bodies": _BODIES,
    "stall_chat_bodies": _BODIES,
    "stall_heads": Bounds(
        "32 KiB of a head, which is parsed when it is all there",
        values={
            "shared.server.request_head:MAX_HEAD_BYTES": _NONE,
            "shared.server.request_head:_read_head": _read_some,
        },
    ),
    "hold_idle_connections": Bounds(
        "connections that wait for one address, and in all",
        values={
            "shared.web.waiting:waiting_clients._max_per_client": _NONE,
            "shared.web.waiting:waiting_clients._max_in_all": _NONE,
        },
    ),
    "sign_in": Bounds(
        "sign-ins, hashes that wait, and places of one address at a service",
        {"RATE_LIMIT_LOGINS": _OFTEN},
        {
            "auth_service.domain.passwords:_MAX_WAITING": _NONE,
            "auth_service.domain.passwords:_MAX_WAITING_OF_ONE": _NONE,
            **_SHARES,
        },
    ),
    "guess_passwords": Bounds(
        "guesses from addresses that have not signed in, counted apart from the owner's",
        values={"auth_service.domain.sessions:used_from": _used_from_nowhere},
    ),
    "read_long_history": Bounds(
        "messages in memory; long answers at once",
        values={
            "chat_service.domain.history:MAX_WHOLE": _NONE,
            "chat_service.domain.history:long_reads._max_per_user": _NONE,
            "chat_service.domain.history:long_reads._max_in_all": _NONE,
        },
    ),
    "show_bad_tokens": _TURNS,
    "send_small_chunks": Bounds(
        "small chunks of a body; all read in turns",
        values={"shared.server.request_head:_MAX_SMALL_CHUNKS": _NONE, **_NO_TURNS},
    ),
    "send_nested_json": Bounds(
        "values in large JSON, which is parsed once; JSON in memory",
        values={
            "shared.web.arguments:_MAX_SMALL_BODY": _NONE,
            "shared.web.api:_large_bodies._total": _NONE,
            "shared.web.api:_large_bodies._per_caller": _NONE,
        },
    ),
    "fetch_documents": Bounds(
        "how often services are asked for their documentation and health, once at a time",
        {"RATE_LIMIT_ADDRESS": _OFTEN},
        {
            f"gateway.{page}:{name}": value
            for page in ("docs", "health")
            for name, value in {"Lock": nullcontext, "_CACHE_TTL": 0}.items()
        },
    ),
    "list_conversations": Bounds(
        "requests of one account, and its places at a service",
        {"RATE_LIMIT_ACCOUNT": _OFTEN, "RATE_LIMIT_ADDRESS": _OFTEN},
        _SHARES,
    ),
    "open_websockets": Bounds(
        "websockets that one account opens, and has",
        {"RATE_LIMIT_WEBSOCKETS": _OFTEN, "WS_SOCKETS_PER_USER": "10000"},
        _SHARES,
    ),
}


if __name__ == "__main__":
    supervise._CONFIGURATION = "python:tests.attacks.unbounded_conf"
    os.environ |= BOUNDS[os.environ[ATTACK]].settings
    sys.exit(run.main())
