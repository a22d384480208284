"""The chat service: conversations, messages, media, roles, invitations, live delivery."""

from collections.abc import Mapping
from functools import partial

from flask import Flask
from flask_smorest import Api

from chat_service.background import fill_search_index
from chat_service.commands import add_commands
from chat_service.config import ChatSettings
from chat_service.db import db
from chat_service.domain import export, friendships, integrity, live_events
from chat_service.domain.accounts import accounts
from chat_service.domain.audit import audit
from chat_service.domain.dissolution import delete_dissolved_groups
from chat_service.domain.erasure import erasures
from chat_service.domain.limits import counters, limits
from chat_service.domain.media import media_store
from chat_service.domain.subscriptions import live as live_delivery
from chat_service.routes import (
    announcements,
    conversations,
    groups,
    invitations,
    live,
    media,
    messages,
)
from chat_service.schemas.conversations import conversation_out
from chat_service.schemas.live import frame_out
from shared.data.background import repeat
from shared.data.client import ServiceClient
from shared.data.session_activity import report_sessions_to
from shared.media.decoder import decoder
from shared.operations.data_commands import add_erasures_command, add_resync_command
from shared.operations.data_export import add_export_command
from shared.operations.data_export_routes import add_export_route
from shared.operations.integrity import add_integrity_commands
from shared.service import create_service_app, load_service_settings


def create_app(env: Mapping[str, str] | None = None) -> Flask:
    """Create the application.

    Args:
        env: the settings; None for the environment of the process.
    """
    settings = load_service_settings(ChatSettings, env)
    app, api = create_service_app(
        "chat_service",
        "IMS conversations",
        settings,
        db,
        accounts.get_state,
        events={
            "account": live_events.on_account_event,
            "friendship": friendships.apply,
            "friend_request_changed": live_events.friend_request_changed,
            "friendship_ended": live_events.friendship_ended,
        },
    )
    auth = ServiceClient(settings.auth_service_url, settings.auth_service_secret)
    accounts.configure(auth, erasures)
    report_sessions_to(auth).init_app(app)
    add_resync_command(app, accounts)
    _init_personal_data(app)
    decoder.configure(settings)
    media_store.configure(settings)
    live_delivery.init_app(app, settings, frame_out)
    if settings.redis_url:
        from shared.data.redis_pool import watch_redis  # noqa: PLC0415 - 6 MB, only with REDIS_URL

        watch_redis(app, settings.redis_url, logs_outages=False)  # The bus of live events does.
    audit.init_app(app, settings.audit_log_days)
    limits.configure(settings)
    repeat(app, counters.delete_expired, 3600)
    repeat(app, delete_dissolved_groups, 60)
    fill_search_index(app)
    add_commands(app, ServiceClient(settings.social_service_url, settings.social_service_secret))
    _register_blueprints(app, api)
    add_integrity_commands(app, integrity.CHECKS, integrity.STATES)
    return app


def _init_personal_data(app: Flask) -> None:
    erasures.init_app(app)
    add_erasures_command(app, erasures)
    export_files = partial(export.export_files, to_json=partial(conversation_out, base=""))
    add_export_command(app, export_files)
    add_export_route(app, export_files)


def _register_blueprints(app: Flask, api: Api) -> None:
    for module in (announcements, conversations, groups, media, invitations, messages):
        api.register_blueprint(module.blueprint)
    app.register_blueprint(live.blueprint)
