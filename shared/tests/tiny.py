"""A service with an example of every shared feature."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask
from pydantic import Field
from sqlalchemy import text
from sqlalchemy.orm import DeclarativeBase

from shared.data.accounts import AccountMixin, AccountReplica
from shared.data.client import ServiceClient
from shared.data.db import Database
from shared.data.erasure import ErasureMixin, Erasures
from shared.data.outbox import Outbox, OutboxMixin
from shared.data.session_activity import report_sessions_to
from shared.operations.data_commands import (
    add_erasures_command,
    add_outbox_commands,
    add_resync_command,
)
from shared.service import create_service_app, load_service_settings
from shared.settings import BaseUrls, Secret, ServiceSettings
from shared.web.api import MIB, Blueprint
from shared.web.authentication import current_user_id, defer_account_check
from shared.web.fields import Id, RequestSchema, StrictBoolean, Text, Time

db = Database()
if TYPE_CHECKING:  # A type checker does not accept an attribute of an object as a base class.

    class Model(DeclarativeBase):
        """The type of ``db.Model`` for a type checker."""
else:
    Model = db.Model


class Account(AccountMixin, Model):
    """A copied account."""

    __tablename__ = "accounts"


class OutboxEvent(OutboxMixin, Model):
    """An undelivered event."""

    __tablename__ = "outbox"
    __table_args__ = {"sqlite_autoincrement": True}


class Erasure(ErasureMixin, Model):
    """An account that may have data left."""

    __tablename__ = "erasures"


class TinySettings(ServiceSettings):
    """Settings of the tiny service."""

    auth_service_url: BaseUrls = Field(description="Where accounts are asked for.")
    auth_service_secret: Secret = Field(description="What auth asks of its callers.")
    chat_service_url: BaseUrls = Field(description="Where events go.")
    chat_service_secret: Secret = Field(description="What chat asks of its callers.")


class EchoIn(RequestSchema):
    """A field of every type."""

    id = Id(alias="thingId", load_default=0)
    text = Text(load_default="")
    flag = StrictBoolean(load_default=False)
    since = Time(load_default=None)
    until = Time(end_of_second=True, load_default=None)


erased: list[int] = []
"""The accounts whose data was erased; it fails for accounts 12 and 13."""


def _erase(account_id: int) -> None:
    if account_id == 12:
        lost = "SELECT pg_terminate_backend(pg_backend_pid())"
        db.execute(text("SELECT * FROM missing" if db.is_sqlite else lost))
    if account_id == 13:
        raise RuntimeError("unlucky")
    erased.append(account_id)


accounts = AccountReplica(db, Account)
erasures = Erasures(db, Erasure, _erase)
outbox = Outbox(db, OutboxEvent)
blueprint = Blueprint("tiny", __name__)


@blueprint.get("/me")
@blueprint.success()
def me() -> dict[str, Any]:
    """Return the authenticated account."""
    return {"id": current_user_id()}


@blueprint.get("/lost")
@blueprint.success()
@defer_account_check
def lose_connection() -> None:
    """Lose the connection to PostgreSQL before the account is checked."""
    db.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


@blueprint.get("/echo")
@blueprint.arguments(EchoIn)
@blueprint.success()
def echo_query(**loaded: Any) -> dict[str, Any]:
    """Return the fields of the query string or the body."""
    return _shown(loaded)


@blueprint.post("/echo")
@blueprint.arguments(EchoIn)
@blueprint.success()
def echo_body(**loaded: Any) -> dict[str, Any]:
    """Return the fields of the body."""
    return _shown(loaded)


@blueprint.post("/large-echo")
@blueprint.arguments(EchoIn, max_bytes=MIB)
@blueprint.success()
def echo_large_body(**loaded: Any) -> dict[str, Any]:
    """Return the fields of a large body."""
    return _shown(loaded)


def _shown(loaded: dict[str, Any]) -> dict[str, Any]:
    times = {name: loaded.pop(name) for name in ("since", "until")}
    return {**loaded, **{name: time and time.isoformat() for name, time in times.items()}}


def create_app(env: Mapping[str, str]) -> Flask:
    """Build the service."""
    settings = load_service_settings(TinySettings, env)
    app, _ = create_service_app(
        "shared.tests", "Tiny", settings, db, accounts.get_state, {"account": accounts.apply}
    )
    auth = ServiceClient(settings.auth_service_url, settings.auth_service_secret, (0.2, 0.2))
    accounts.configure(auth, erasures)
    activity = report_sessions_to(auth)
    activity.init_app(app)
    app.extensions["session_activity"] = activity
    add_resync_command(app, accounts)
    erasures.init_app(app)
    add_erasures_command(app, erasures)
    outbox.init_app(
        app,
        {
            "chat": ServiceClient(
                settings.chat_service_url, settings.chat_service_secret, (0.2, 0.2)
            )
        },
    )
    add_outbox_commands(app, outbox)
    app.register_blueprint(blueprint)
    return app
