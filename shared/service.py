"""Create the Flask application of a service, with all that services have in common."""

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import click
from flask import Flask, Response, current_app, request
from sqlalchemy.exc import OperationalError

from shared.data.db import Database, DatabaseState, first_line
from shared.data.events import Handlers, register_event_consumer, require_internal_secret
from shared.data.postgres import SharedSessionsError, refuse_shared_sessions
from shared.data.schema import SchemaMismatchError, check_schema
from shared.logs import configure_logging, log_requests
from shared.metrics import observe_request
from shared.operations.commands import ServiceCLI
from shared.runtime import runtime_of
from shared.settings import S, ServiceSettings, SettingsError, load_settings
from shared.version import VERSION
from shared.web.account_state import AccountState
from shared.web.api import MIB
from shared.web.application import Application
from shared.web.authentication import init_jwt, public, require_authentication
from shared.web.errors import register_error_handlers
from shared.web.health import NotReadyError, add_health_part, register_health
from shared.web.json_provider import OrjsonProvider
from shared.web.openapi import Api
from shared.web.proxies import trust_proxies
from shared.web.request_body import bound_bodies
from shared.web.spool import spool

log = logging.getLogger(__name__)


def load_service_settings(kind: type[S], env: Mapping[str, str] | None) -> S:
    """Load the settings of a service from ``env`` or, without it, from the process's environment.

    Raises:
        SystemExit: a setting is missing or invalid; the text names it and the reason.
    """
    try:
        return load_settings(kind, os.environ if env is None else env)
    except SettingsError as error:
        raise SystemExit(str(error)) from None


def create_service_app(
    package: str,
    title: str,
    settings: ServiceSettings,
    db: Database,
    get_account_state: Callable[[int], AccountState | None],
    events: Handlers | None = None,
) -> tuple[Flask, Api]:
    """Create a Flask application with tokens, errors, logs, health and an OpenAPI document.

    Args:
        package: the package of the service, which contains its migrations.
        title: the title of its OpenAPI document.
        settings: its settings.
        db: its database.
        get_account_state: returns the state of an account, to verify tokens.
        events: the handlers of other services' events, by type.

    Returns:
        the application, and the API with which its blueprints are registered.
    """
    configure_logging(package, settings.log_level, settings.log_format)
    app = Application(package, static_folder=None)
    app.json = OrjsonProvider(app)
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = 12 * MIB
    app.config["PUBLIC_BASE_URL"] = settings.public_base_url
    # The gateway sends the scheme of its client, and forwards Host unchanged.
    trust_proxies(app, 1)
    spool.configure(settings)
    bound_bodies(app, settings, before_waiting=db.release)
    log_requests(app, observe_request)
    require_internal_secret(app, settings.internal_secrets)
    init_jwt(app, settings.jwt_public_keys)
    require_authentication(app, get_account_state)
    db.init_app(app, settings)
    api = Api(app, title, VERSION)
    register_error_handlers(app)
    schema = SchemaCheck(app, db)
    app.cli = ServiceCLI(app, schema.check)
    register_health(app)
    add_health_part(app, "database", schema.report_health)
    runtime_of(app).at_start.append(schema.abort_on_mismatch)
    if events is not None:
        register_event_consumer(app, events)
    _serve_openapi(app, api)
    _add_migrate_command(app, schema)
    return app, api


def public_base_url() -> str:
    """Return the start of the URLs in responses, without a trailing slash."""
    configured: str | None = current_app.config["PUBLIC_BASE_URL"]
    # Without a valid Host, URLs are relative to the origin.
    if configured or not request.headers.get("Host") or not request.host:
        return configured or ""
    return f"{request.scheme}://{request.host}"


class SchemaCheck:
    """Whether the schema of a service's database fits its code."""

    def __init__(self, app: Flask, db: Database) -> None:
        self.folder = Path(app.root_path) / "migrations"
        self.db = db
        self._app = app
        self._fits = False

    def check(self) -> DatabaseState:
        """Get the state of the database. Its schema is checked until it fits once.

        Raises:
            OperationalError: no connection is available.
            SharedSessionsError: connections share sessions.
            SchemaMismatchError: its schema does not fit.
        """
        state = self.db.state()
        if not self._fits:
            refuse_shared_sessions(self.db.engine)
            check_schema(self.db, self.folder)
            self._fits = True
        return state

    def report_health(self) -> DatabaseState:
        """Get the state of the database for the health page, where an outage is an expected error.

        Raises:
            NotReadyError: no connection is available.
        """
        try:
            return self.check()
        except OperationalError as error:
            raise NotReadyError(first_line(error)) from None

    def abort_on_mismatch(self) -> None:
        """Exit if the schema does not fit. An unavailable database is not an error here."""
        try:
            with self._app.app_context():
                self.check()
        except (SchemaMismatchError, SharedSessionsError) as error:
            raise SystemExit(f"{self._app.name}: {error}") from None
        except OperationalError as error:
            log.error("database_unavailable", extra={"failure": first_line(error)})


def _serve_openapi(app: Flask, api: Api) -> None:
    document: list[bytes] = []

    @app.get("/openapi.json")
    @public
    def openapi_json() -> Response:
        assert api.spec is not None
        if not document:
            document.append(app.json.dumps(api.spec.to_dict()).encode())
        return app.response_class(document[0], mimetype="application/json")


def _add_migrate_command(app: Flask, schema: SchemaCheck) -> None:
    @app.cli.command("migrate")
    @click.option("--to", default="head", help="Revision to go to; the newest unless given.")
    def migrate_command(to: str) -> None:
        """Migrate the database of this service to the newest schema. Can be repeated."""
        from shared.data.migrations import migrate  # noqa: PLC0415 - used by this command only

        try:
            refuse_shared_sessions(schema.db.engine)
            before, after = migrate(schema.db, schema.folder, to)
            if to == "head":
                check_schema(schema.db, schema.folder)
        except (SchemaMismatchError, SharedSessionsError) as error:
            raise click.ClickException(f"{app.name}: {error}") from None
        if before == after:
            click.echo(f"{app.name}: the database is up to date ({after}).")
        else:
            click.echo(f"{app.name}: migrated the database from {before} to {after}.")
