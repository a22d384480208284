"""The chat service: conversations, messages, media, roles, invitations, live delivery."""

from collections.abc import Mapping

from flask import Flask

from chat_service.config import ChatSettings
from chat_service.db import db
from chat_service.domain.accounts import accounts
from shared.client import ServiceClient
from shared.service import base_app, settings_of


def create_app(env: Mapping[str, str] | None = None) -> Flask:
    """Build the service.

    Args:
        env: its settings; the process's environment unless given.
    """
    settings = settings_of(ChatSettings, env)
    app, _api = base_app(
        "chat_service",
        "IMS conversations",
        settings,
        db,
        accounts.state_of,
        events={"account": accounts.apply},
    )
    accounts.init_app(app, ServiceClient(settings.auth_service_url, settings.auth_service_secret))
    return app
