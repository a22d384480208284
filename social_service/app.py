"""The social service: user search, friend requests, friendships and friend groups."""

from collections.abc import Mapping

from flask import Flask

from shared.data.background import repeat
from shared.data.client import ServiceClient
from shared.data.session_activity import report_sessions_to
from shared.operations.data_commands import (
    add_erasures_command,
    add_outbox_commands,
    add_resync_command,
)
from shared.operations.data_export import add_export_command
from shared.operations.data_export_routes import add_export_route
from shared.operations.integrity import add_integrity_commands
from shared.service import create_service_app, load_service_settings
from social_service.config import SocialSettings
from social_service.db import db
from social_service.domain import export, integrity
from social_service.domain.accounts import accounts
from social_service.domain.audit import audit
from social_service.domain.erasure import erasures
from social_service.domain.limits import counters, limits
from social_service.domain.outbox import outbox
from social_service.routes import blocks, friend_requests, friends, groups, internal, people


def create_app(env: Mapping[str, str] | None = None) -> Flask:
    """Build the service.

    Args:
        env: the settings; defaults to the environment of the process.
    """
    settings = load_service_settings(SocialSettings, env)
    app, api = create_service_app(
        "social_service",
        "IMS friends",
        settings,
        db,
        accounts.get_state,
        events={"account": accounts.apply},
    )
    auth = ServiceClient(settings.auth_service_url, settings.auth_service_secret)
    chat = ServiceClient(settings.chat_service_url, settings.chat_service_secret)
    accounts.configure(auth, erasures)
    report_sessions_to(auth).init_app(app)
    add_resync_command(app, accounts)
    erasures.init_app(app)
    add_erasures_command(app, erasures)
    add_export_command(app, export.files)
    add_export_route(app, export.files)
    outbox.init_app(app, {"chat": chat})
    add_outbox_commands(app, outbox)
    audit.init_app(app, settings.audit_log_days)
    limits.configure(settings)
    repeat(app, counters.delete_expired, 3600)
    api.register_blueprint(people.blueprint)
    api.register_blueprint(friend_requests.blueprint)
    api.register_blueprint(friends.blueprint)
    api.register_blueprint(groups.blueprint)
    api.register_blueprint(blocks.blueprint)
    app.register_blueprint(internal.blueprint)
    add_integrity_commands(app, integrity.CHECKS, integrity.STATES, outbox)
    return app
