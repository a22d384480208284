"""The auth service: accounts, passwords, tokens, e-mail codes and avatars."""

from collections.abc import Mapping

from flask import Flask

from auth_service.config import AuthSettings
from auth_service.db import db
from auth_service.domain import accounts
from auth_service.domain.outbox import outbox
from auth_service.routes import account
from shared.client import ServiceClient
from shared.service import base_app, settings_of


def create_app(env: Mapping[str, str] | None = None) -> Flask:
    """Build the service.

    Args:
        env: its settings; the process's environment unless given.
    """
    settings = settings_of(AuthSettings, env)
    app, api = base_app("auth_service", "IMS accounts", settings, db, accounts.state_of)
    outbox.init_app(
        app,
        {
            "social": ServiceClient(settings.social_service_url, settings.social_service_secret),
            "chat": ServiceClient(settings.chat_service_url, settings.chat_service_secret),
        },
    )
    api.register_blueprint(account.blueprint)
    return app
