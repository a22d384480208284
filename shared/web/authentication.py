"""Authentication: the token of a request is verified before its body is read.

The auth service issues tokens. All others verify them with its public keys and, in services,
against the state of the account.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from time import time
from types import NoneType
from typing import Any, NamedTuple, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask, Request, current_app, g, request
from flask.globals import request_ctx
from flask_jwt_extended import JWTManager, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError
from werkzeug.datastructures import Headers
from werkzeug.exceptions import MethodNotAllowed

from shared.keys import load_public_keys
from shared.runtime import runtime_of
from shared.web.account_state import AccountState, has_ended
from shared.web.errors import INVALID_JWT, ApiError

ALGORITHM = "EdDSA"
AUDIENCE = "ims"
MAX_ID = 2**63 - 1
_MAX_TOKEN_LENGTH = 2048
_TOKEN_CACHE_SIZE = 20_000
_MAX_ACCEPTED_ENDS = 10_000
CLOCK_SKEW_SECONDS = 60
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*){2}")

_accepted_session_ends: dict[str, str] = {}  # By token id.

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a token.

    Attributes:
        user_id: the owner.
        generation: the generation of the account when the token was issued.
        expires_at: Unix seconds.
        token_id: the unique ``jti``.
        session_id: the session of the token; None if the token is older than sessions.
    """

    user_id: int
    generation: int
    expires_at: int
    token_id: str
    session_id: int | None


def public(view: View) -> View:
    """Mark a view that requires no token."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def allow_deleted_account(view: View) -> View:
    """Mark a view that also accepts the last tokens of a deleted account."""
    view.is_open_to_deleted = True  # type: ignore[attr-defined]
    return view


def defer_account_check(view: View) -> View:
    """Mark a view whose rule reads the account's state with its first statement.

    It calls `check_account`. If it fails or returns before that, `require_account` does.
    """
    view.defers_account_check = True  # type: ignore[attr-defined]
    return view


def current_user_id() -> int:
    """Return the id of the authenticated account."""
    user_id: int = g.user_id
    return user_id


def current_claims() -> Claims:
    """Return the claims of the request's token."""
    claims: Claims = g.claims
    return claims


def init_jwt(app: Flask, public_keys_pem: str) -> None:
    """Configure flask-jwt-extended in ``app`` (Ed25519, keys by ``kid``)."""
    keys = load_public_keys(public_keys_pem)
    app.config.update(
        JWT_ALGORITHM=ALGORITHM,
        JWT_DECODE_ALGORITHMS=[ALGORITHM],
        JWT_ENCODE_AUDIENCE=AUDIENCE,
        JWT_DECODE_AUDIENCE=AUDIENCE,
        JWT_DECODE_LEEWAY=CLOCK_SKEW_SECONDS,  # `nbf` and `iat`; `verify_token` is exact on `exp`.
    )

    def verification_key(header: dict[str, Any], _payload: object) -> Ed25519PublicKey:
        try:
            return keys[header["kid"]]
        except (KeyError, TypeError):
            raise ApiError(INVALID_JWT) from None

    JWTManager(app).decode_key_loader(verification_key)

    # The verification of a signature costs more than the rest of a small request, so it is
    # cached. The expiry and the state of the account are checked in each request.
    runtime_of(app).verified_claims = lru_cache(maxsize=_TOKEN_CACHE_SIZE)(_decode_claims)


def _decode_claims(token: str) -> Claims:
    try:
        payload = decode_token(token, allow_expired=False)
        claims = Claims(
            int(payload["sub"]),
            payload["generation"],
            payload["exp"],
            payload["jti"],
            payload.get("session"),
        )
        well_formed = (
            payload["type"] == "access"
            and 0 <= claims.user_id <= MAX_ID
            and type(claims.generation) is int
            and type(claims.token_id) is str
            and type(claims.session_id) in (int, NoneType)
        )
    except (PyJWTError, JWTExtendedException, KeyError, TypeError, ValueError, RecursionError):
        raise ApiError(INVALID_JWT) from None
    if not well_formed:
        raise ApiError(INVALID_JWT)
    return claims


def verify_token(token: str) -> Claims:
    """Verify a token, and return its claims.

    Raises:
        ApiError: ``INVALID_JWT`` if it is invalid or has expired.
    """
    if not 0 < len(token) <= _MAX_TOKEN_LENGTH:
        raise ApiError(INVALID_JWT)
    claims: Claims = runtime_of(current_app).verified_claims(token)
    if claims.expires_at <= time():
        raise ApiError(INVALID_JWT)
    return claims


def verify_request_token() -> Claims:
    """Verify the token in ``Authorization``, raw or after ``Bearer``, and return its claims.

    Raises:
        ApiError: ``INVALID_JWT``.
    """
    header = request.headers.get("Authorization", "").strip()
    scheme, _, rest = header.partition(" ")
    return verify_token(rest.strip() if scheme.lower() == "bearer" else header)


def verify_handshake_token() -> Claims:
    """Verify a websocket's token: an offered subprotocol, or else ``token`` of the query.

    A browser cannot set a header on a websocket, but it can offer ``["ims", token]`` as
    subprotocols, so that no URL contains the token. Other subprotocols are ignored.

    Raises:
        ApiError: ``INVALID_JWT``.
    """
    tokens = filter(_JWT.fullmatch, offered_subprotocols(request.headers))
    return verify_token(next(tokens, request.args.get("token", "")))


def offered_subprotocols(headers: Headers) -> list[str]:
    """List the subprotocols in ``Sec-WebSocket-Protocol``."""
    offered = headers.get("Sec-WebSocket-Protocol", "").split(",")
    return [name.strip() for name in offered]


def require_authentication(
    app: Flask, get_account_state: Callable[[int], AccountState | None]
) -> None:
    """Reject every request to ``app`` without a valid token, except to public views.

    This is decided before the body is read, and before 404 and 405.

    Args:
        app: a service.
        get_account_state: returns the state of an account, or None if it does not exist.
    """
    runtime_of(app).get_account_state = get_account_state

    @app.before_request
    def authenticate() -> None:
        received = request_ctx.request
        view = _matched_view(app, received)
        if received.method == "OPTIONS" or getattr(view, "is_public", False):
            return
        claims = verify_request_token()
        if received.routing_exception is not None:
            view = None  # It is not called, so its own rules do not apply.
        g.unchecked = _Unchecked(claims, getattr(view, "is_open_to_deleted", False))
        g.user_id = claims.user_id
        if not getattr(view, "defers_account_check", False):
            require_account()


class _Unchecked(NamedTuple):
    """A verified token whose account has not been checked in this request."""

    claims: Claims
    is_open_to_deleted: bool


def is_account_checked() -> bool:
    """Whether nothing is left to check about the caller's account."""
    return "unchecked" not in g


def require_account() -> None:
    """Read and check the state of the caller's account, unless the request has done it before.

    Raises:
        ApiError: as `check_account`.
    """
    if not is_account_checked():
        check_account(runtime_of(current_app).get_account_state(g.user_id))


def check_account(state: AccountState | None) -> None:
    """Refuse the request if the state of the caller's account does not allow its token.

    Args:
        state: as read in this request; None if there is no such account.

    Raises:
        ApiError: ``INVALID_JWT``.
    """
    unchecked: _Unchecked | None = g.pop("unchecked", None)
    if unchecked is None:
        return
    claims = unchecked.claims
    if state is None or has_ended(claims, state.session_ends):
        raise ApiError(INVALID_JWT)
    if state.deleted:
        if not unchecked.is_open_to_deleted or claims.generation != state.generation - 1:
            raise ApiError(INVALID_JWT)
    elif claims.generation != state.generation:
        raise ApiError(INVALID_JWT)
    elif state.session_ends:
        if len(_accepted_session_ends) >= _MAX_ACCEPTED_ENDS:
            _accepted_session_ends.clear()
        _accepted_session_ends[claims.token_id] = state.session_ends
    g.claims = claims


def accepted_state() -> AccountState:
    """Get a state of the caller's account that accepts the token.

    It is the one with which this process has accepted the token last, or one without ended
    sessions. A statement can compare it with the current state.
    """
    claims: Claims = g.unchecked.claims if "unchecked" in g else g.claims
    ends = _accepted_session_ends.get(claims.token_id, "")
    return AccountState(claims.generation, deleted=False, session_ends=ends)


def _matched_view(app: Flask, received: Request) -> Callable[..., Any] | None:
    """Get the view of a request's path, also if its method is not allowed."""
    endpoint = received.endpoint
    wrong = received.routing_exception
    if isinstance(wrong, MethodNotAllowed) and wrong.valid_methods:
        adapter = app.create_url_adapter(received)
        assert adapter is not None
        endpoint = adapter.match(method=next(iter(wrong.valid_methods)))[0]
    return app.view_functions.get(endpoint) if endpoint else None
