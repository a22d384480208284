"""The gateway: rejects requests with an invalid token, and forwards other ones unchanged."""

import os
from collections.abc import Iterator, Mapping
from functools import partial
from time import sleep

from flask import Blueprint, Flask, Request, Response, g, jsonify, request
from flask_cors import CORS

from gateway.config import GatewaySettings
from gateway.docs import create_docs_blueprint
from gateway.health import create_health_blueprint
from gateway.proxy import proxy_request
from gateway.routes import METHODS, ROUTES, WEBSOCKET_PATHS, UrlMap, is_public
from gateway.upstream import UpstreamService, create_upstreams
from gateway.web import create_web_blueprint
from gateway.websocket_proxy import WebSocketProxy, is_websocket_upgrade
from shared.logs import configure_logging, log_requests
from shared.metrics import observe_request
from shared.runtime import runtime_of
from shared.settings import load_settings
from shared.web.application import Application
from shared.web.authentication import init_jwt, verify_handshake_token, verify_request_token
from shared.web.errors import TOO_MANY_REQUESTS, register_error_handlers
from shared.web.proxies import trust_proxies
from shared.web.rate_limits import Limiter, client_network
from shared.web.request_body import bound_bodies
from shared.web.spool import spool

_SECONDS_BEFORE_429 = 1.0


class Gateway(Application):
    """An application with `UrlMap`."""

    url_map_class = UrlMap


def create_app(env: Mapping[str, str] | None = None) -> Flask:
    """Create the application.

    Args:
        env: the settings; None for the environment of the process.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    settings = load_settings(GatewaySettings, os.environ if env is None else env)
    configure_logging("gateway", settings.log_level, settings.log_format)
    app = Gateway("gateway", static_folder=None)
    trust_proxies(app, settings.trusted_proxies)
    spool.configure(settings)
    bound_bodies(app, settings)
    _delay_refusals(app)
    log_requests(app, observe_request, _route_of)
    init_jwt(app, settings.jwt_public_keys)
    _init_cors(app, settings)
    _set_response_headers(app)
    register_error_handlers(app)

    # Counted in this process: a query to Redis needs more time than forwarding a request.
    limiter = Limiter(on=settings.rate_limits)
    _authorize_requests(app, limiter, settings)
    services = create_upstreams(settings)
    _add_routes(app, services, limiter, settings)
    for blueprint in _own_blueprints(services, settings):
        app.register_blueprint(blueprint)
    return app


def _route_of(request: Request) -> str | None:
    """Get the prefix of a path that is forwarded, otherwise the rule of a page."""
    rule = request.url_rule
    if rule is None:
        return None
    return rule.endpoint if rule.endpoint in ROUTES else rule.rule


def _authorize_requests(app: Flask, limiter: Limiter, settings: GatewaySettings) -> None:
    """Limit the rate of all requests and authenticate them, before 404 and 405."""
    by_address = limiter.limit("address", settings.rate_limit_address)
    by_account = limiter.limit("account", settings.rate_limit_account)

    @app.before_request
    def authorize() -> Response | None:
        by_address.hit(client_network())
        environ = request.environ
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return jsonify(code=0, info="Succeed")
        path = environ["PATH_INFO"]
        if is_public(path):
            return None
        verify = verify_handshake_token if path in WEBSOCKET_PATHS else verify_request_token
        g.user_id = user_id = verify().user_id
        by_account.hit(str(user_id))
        return None


def _add_routes(
    app: Flask, services: Mapping[str, UpstreamService], limiter: Limiter, settings: GatewaySettings
) -> None:
    """Add the routes to services. The endpoint of a route is its prefix."""
    handshakes = limiter.limit("websockets", settings.rate_limit_websockets)
    websockets = WebSocketProxy(settings.max_websockets)
    runtime_of(app).at_stop.append(websockets.close)

    def forward(service: UpstreamService, _rest: str = "") -> Response:
        return proxy_request(service, settings)

    def connect(service: UpstreamService, _rest: str = "") -> Response:
        if _rest or not is_websocket_upgrade(request.environ):
            return proxy_request(service, settings)
        handshakes.hit(str(g.user_id))
        return websockets.open(service)

    for prefix, name in ROUTES.items():
        rules = [prefix, f"{prefix}/<safe_path:_rest>"]
        view = partial(forward, services[name])
        if prefix in WEBSOCKET_PATHS:
            rules.append(f"{prefix}/")
            view = partial(connect, services[name])
        for rule in rules:
            app.add_url_rule(rule, prefix, view, methods=METHODS, provide_automatic_options=False)


def _own_blueprints(
    services: dict[str, UpstreamService], settings: GatewaySettings
) -> Iterator[Blueprint]:
    """Create the blueprints of the gateway's own pages."""
    yield create_health_blueprint(services)
    if settings.api_docs:
        yield create_docs_blueprint(services)
    if settings.web_client:
        yield create_web_blueprint(settings)


def _init_cors(app: Flask, settings: GatewaySettings) -> None:
    """Allow requests of web pages of the configured origins.

    If all origins are allowed, so are all headers.
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
        vary_header=False,  # `_set_response_headers` sets it.
    )


def _delay_refusals(app: Flask) -> None:
    """Delay responses with the status 429: it slows clients that repeat requests immediately."""

    @app.after_request
    def delay(response: Response) -> Response:
        if response.status_code == TOO_MANY_REQUESTS.status:
            sleep(_SECONDS_BEFORE_429)
        return response


def _set_response_headers(app: Flask) -> None:
    @app.after_request
    def set_defaults(response: Response) -> Response:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cache-Control", "no-store")
        # Also without an `Origin`: a cache must not return such a response to a web page.
        response.headers.add("Vary", "Origin")
        return response
