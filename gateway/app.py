"""The gateway: refuse a bad token early, pass everything else on unchanged."""

import os
from collections.abc import Iterator, Mapping

from flask import Blueprint, Flask, Response, g, jsonify, request
from flask_cors import CORS

from gateway.config import GatewaySettings
from gateway.docs import docs_pages
from gateway.forward import forward
from gateway.health import health_pages
from gateway.routes import METHODS, WEBSOCKETS, is_public, route_of
from gateway.tunnel import Tunnels, wants_websocket
from gateway.upstream import Service, services_of
from gateway.web import web_pages
from shared.logs import configure_logging, log_requests
from shared.metrics import observe_request
from shared.settings import load_settings
from shared.web.authentication import init_jwt, verify_handshake_token, verify_request_token
from shared.web.errors import METHOD_NOT_ALLOWED, ApiError, register_error_handlers
from shared.web.proxies import trust_proxies
from shared.web.rate_limits import Limiter, client_network
from shared.web.request_body import bound_bodies
from shared.web.spool import spool


def create_app(env: Mapping[str, str] | None = None) -> Flask:
    """The gateway, set up by ``env`` or else by the process's environment.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    settings = load_settings(GatewaySettings, os.environ if env is None else env)
    configure_logging("gateway", settings.log_level, settings.log_format)
    app = Flask("gateway", static_folder=None)
    app.url_map.merge_slashes = False
    trust_proxies(app, settings.trusted_proxies)
    spool.configure(settings)
    bound_bodies(app, settings)

    # Counted in this process: asking Redis would cost more than passing a request on.
    limiter = Limiter(on=settings.rate_limits)
    by_address = limiter.limit("address", settings.rate_limit_address)
    by_account = limiter.limit("account", settings.rate_limit_account)
    websockets = limiter.limit("websockets", settings.rate_limit_websockets)
    services = services_of(settings)
    tunnels = Tunnels(settings.max_websockets)
    app.extensions["ims.stopping"] = [tunnels.close]

    log_requests(app, observe_request)
    init_jwt(app, settings.jwt_public_keys)
    _allow_origins(app, settings)
    _finish_answers(app)
    register_error_handlers(app)

    @app.before_request
    def pass_on() -> Response | None:
        """The way of every request; what belongs to no service is left to the pages below."""
        by_address.spend(client_network())
        if request.method == "OPTIONS":
            return jsonify(code=0, info="Succeed")
        path = request.environ["PATH_INFO"]
        if path in WEBSOCKETS:
            g.user_id = verify_handshake_token().user_id
        elif not is_public(path):
            g.user_id = verify_request_token().user_id
        if "user_id" in g:
            by_account.spend(str(g.user_id))
        route = route_of(path)
        if route is None:
            return None
        if request.method not in METHODS:
            raise ApiError(METHOD_NOT_ALLOWED, {"Allow": ", ".join(METHODS)})
        g.route = route.prefix
        service = services[route.service]
        if path in WEBSOCKETS and wants_websocket(request.environ):
            websockets.spend(str(g.user_id))
            return tunnels.open(service)
        return forward(service, settings)

    for pages in _own_pages(services, settings):
        app.register_blueprint(pages)
    return app


def _own_pages(services: dict[str, Service], settings: GatewaySettings) -> Iterator[Blueprint]:
    """What the gateway itself answers."""
    yield health_pages(services)
    if settings.api_docs:
        yield docs_pages(services)
    if settings.web_client:
        yield web_pages(settings)


def _allow_origins(app: Flask, settings: GatewaySettings) -> None:
    """Let web pages of the configured origins call. `Vary` is set for every answer, below.

    Where any origin may call, a preflight grants every header that it asks for.
    """
    any_origin = "*" in settings.cors_origins
    CORS(
        app,
        origins=list(settings.cors_origins),
        methods=list(METHODS),
        allow_headers="*" if any_origin else ["Authorization", "Content-Type", "X-Request-Id"],
        expose_headers=["X-Request-Id", "Retry-After"],
        supports_credentials=True,
        max_age=600,
        always_send=False,
        vary_header=False,
    )


def _finish_answers(app: Flask) -> None:
    @app.after_request
    def finish(response: Response) -> Response:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cache-Control", "no-store")
        # Also where no origin was named: a cache must not hand such an answer to a web page.
        response.headers.add("Vary", "Origin")
        return response
