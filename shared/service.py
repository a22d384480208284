"""What every service does alike: tokens, errors, logs, health, its OpenAPI document."""

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
from shared.web.api import MIB
from shared.web.authentication import AccountState, init_jwt, public, require_authentication
from shared.web.errors import register_error_handlers
from shared.web.health import NotReadyError, add_health_part, register_health
from shared.web.json_provider import OrjsonProvider
from shared.web.openapi import Api
from shared.web.proxies import trust_proxies
from shared.web.request_body import bound_bodies
from shared.web.spool import spool

log = logging.getLogger(__name__)

VERSION = "1.0.0"


def load_service_settings(kind: type[S], env: Mapping[str, str] | None) -> S:
    """The settings of a service: from ``env`` if given, else from the process's environment.

    Raises:
        SystemExit: they are wrong; says which and why.
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
    """A Flask application with all that the contract asks of every service.

    Args:
        package: the service's package; its migrations are in there.
        title: of its OpenAPI document.
        settings: what it read from the environment.
        db: its database.
        get_account_state: the state of an account, for the tokens.
        events: what it does with the events of other services.

    Returns:
        the application, and the API that its blueprints are registered with.
    """
    configure_logging(package, settings.log_level, settings.log_format)
    app = Flask(package, static_folder=None)
    app.json = OrjsonProvider(app)
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = 12 * MIB
    app.config["PUBLIC_BASE_URL"] = settings.public_base_url
    # The gateway says whether its client came over TLS; the host is passed on unchanged.
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
    """Start of the URLs that an answer gives out, without a trailing slash."""
    configured: str | None = current_app.config["PUBLIC_BASE_URL"]
    # Without a valid host, URLs are relative to this origin.
    if configured or not request.headers.get("Host") or not request.host:
        return configured or ""
    return f"{request.scheme}://{request.host}"


class SchemaCheck:
    """The tables of a service's database, and whether its code works on them."""

    def __init__(self, app: Flask, db: Database) -> None:
        self.folder = Path(app.root_path) / "migrations"
        self.db = db
        self._app = app
        self._fits = False

    def check(self) -> DatabaseState:
        """How the database is; what it must be to be of use is looked at until it is once.

        Raises:
            OperationalError: no connection can be had.
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
        """See `check`, for the health page: a database that is away is no fault of this program.

        Raises:
            NotReadyError: no connection can be had.
        """
        try:
            return self.check()
        except OperationalError as error:
            raise NotReadyError(first_line(error)) from None

    def abort_on_mismatch(self) -> None:
        """End the program if the schema does not fit. A database that is away may come back."""
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
        """Bring this service's database to the newest schema. Safe to repeat."""
        from shared.data.migrations import migrate  # noqa: PLC0415 - only this needs Alembic

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
