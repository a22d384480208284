"""The auth service: accounts, passwords, tokens, e-mail codes and avatars."""

from collections.abc import Mapping

from flask import Flask

from auth_service.clients.mail import mail
from auth_service.commands import add_commands
from auth_service.config import AuthSettings
from auth_service.db import db
from auth_service.domain import accounts, export, integrity, notifications, password_reset
from auth_service.domain.audit import audit
from auth_service.domain.avatars import media_store
from auth_service.domain.limits import counters, limits
from auth_service.domain.outbox import outbox
from auth_service.domain.own_data import own_data
from auth_service.domain.passwords import queue, transport
from auth_service.domain.registration import registration
from auth_service.domain.sessions import delete_expired, record_seen, sessions
from auth_service.routes import account, avatars, internal, verification
from auth_service.routes.tokens import init_token_issuing
from shared.data.background import repeat
from shared.data.client import ServiceClient
from shared.data.session_activity import SessionActivity
from shared.media.decoder import decoder
from shared.operations.data_commands import add_outbox_commands
from shared.operations.data_export import add_export_command
from shared.operations.integrity import add_integrity_commands
from shared.service import create_service_app, load_service_settings


def create_app(env: Mapping[str, str] | None = None) -> Flask:
    """Build the service.

    Args:
        env: the settings; defaults to the environment of the process.
    """
    settings = load_service_settings(AuthSettings, env)
    app, api = create_service_app("auth_service", "IMS accounts", settings, db, accounts.get_state)
    init_token_issuing(app, settings.jwt_private_key, settings.token_lifetime_seconds)
    social = ServiceClient(settings.social_service_url, settings.social_service_secret)
    chat = ServiceClient(settings.chat_service_url, settings.chat_service_secret)
    outbox.init_app(app, {"social": social, "chat": chat})
    add_outbox_commands(app, outbox)
    own_data.configure((social, chat))
    transport.configure(
        settings.password_transport_key, allow_plaintext=settings.password_transport == "any"
    )
    decoder.configure(settings)
    sessions.configure(settings.token_lifetime_seconds)
    SessionActivity(record_seen).init_app(app)
    media_store.configure(settings)
    mail.configure(
        settings.smtp_url,
        settings.smtp_timeout_seconds,
        settings.mail_from,
        settings.data_dir / "mail",
    )
    limits.configure(settings)
    if settings.redis_url:
        from shared.data.redis_pool import watch_redis  # noqa: PLC0415 - 6 MB, only with REDIS_URL

        watch_redis(app, settings.redis_url)
    queue.configure(is_bounded=settings.rate_limits)
    registration.configure(settings.registration)
    password_reset.sealing.configure(settings.jwt_private_key)
    audit.init_app(app, settings.audit_log_days)
    repeat(app, password_reset.send_waiting, 1)
    repeat(app, notifications.send_waiting, 5)
    repeat(app, password_reset.delete_expired, 600)
    repeat(app, delete_expired, 3600)
    repeat(app, counters.delete_expired, 3600)
    add_export_command(app, export.files)
    api.register_blueprint(account.blueprint)
    api.register_blueprint(verification.blueprint)
    api.register_blueprint(avatars.blueprint)
    app.register_blueprint(internal.blueprint)
    add_commands(app)
    add_integrity_commands(app, integrity.CHECKS, integrity.STATES, outbox)
    return app
