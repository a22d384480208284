"""The address of a client behind proxies."""

import logging
import re
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

log = logging.getLogger(__name__)

# Formats of some proxies: 192.0.2.1:4711, [2001:db8::1], [2001:db8::1]:4711.
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]*)?|([^:]+):[0-9]*")


def trust_proxies(app: Flask, count: int) -> None:
    """Trust ``X-Forwarded-For`` and ``-Proto`` of ``count`` proxies in front of ``app``.

    The port and brackets that some proxies add to an address are removed.
    """
    application = app.wsgi_app
    has_warned = False

    def with_client_address(environ: dict[str, Any], start_response: Any) -> Any:
        nonlocal has_warned
        if count == 0 and not has_warned and "HTTP_X_FORWARDED_FOR" in environ:
            has_warned = True
            log.warning(
                "forwarded_address_ignored", extra={"behind_a_proxy_set": "TRUSTED_PROXIES"}
            )
        environ["REMOTE_ADDR"] = parse_address(environ.get("REMOTE_ADDR", ""))
        return application(environ, start_response)

    app.wsgi_app = (  # type: ignore[method-assign]
        ProxyFix(with_client_address, count, count, x_host=0) if count else with_client_address
    )


def parse_address(value: str) -> str:
    """Parse ``address``, ``address:port``, ``[address]`` or ``[address]:port`` into the address."""
    match = _WITH_PORT.fullmatch(value)
    return (match[1] or match[2]) if match else value
