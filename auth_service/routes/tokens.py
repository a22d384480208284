"""Issue tokens. Only this service can."""

from datetime import timedelta

from flask import Flask
from flask_jwt_extended import create_access_token
from pydantic import SecretStr

from auth_service.domain.authentication import AuthenticatedAccount
from shared.keys import key_id, load_private_key


def init_token_issuing(app: Flask, key_pem: SecretStr, lifetime_seconds: int) -> None:
    """Configure ``app`` to sign tokens; see ``shared.web.authentication`` for their claims."""
    key = load_private_key(key_pem.get_secret_value())
    app.config["JWT_PRIVATE_KEY"] = key
    app.config["JWT_COOKIE_CSRF_PROTECT"] = False  # There are no cookies.
    app.config["JWT_ACCESS_TOKEN_EXPIRES"] = timedelta(seconds=lifetime_seconds)
    kid = key_id(key.public_key())
    app.extensions["flask-jwt-extended"].additional_headers_loader(lambda _identity: {"kid": kid})


def create_token(account: AuthenticatedAccount) -> str:
    """Create a token. It is valid until it expires, or its session or account ends."""
    claims = {"generation": account.generation, "session": account.session_id}
    token: str = create_access_token(str(account.id), additional_claims=claims)
    return token
