"""Every endpoint of the service, with a valid request to each."""

from typing import Any, NamedTuple

from auth_service.tests.factories import PASSWORD


class Endpoint(NamedTuple):
    """A method of a path, and valid fields."""

    method: str
    path: str
    fields: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


ENDPOINTS = (
    Endpoint(
        "POST",
        "/account/reg",
        {"email": "ann@example.com", "name": "Ann", "password": PASSWORD},
    ),
    Endpoint("POST", "/account/login", {"email": "ann@example.com", "password": PASSWORD}),
    Endpoint("DELETE", "/account/delete", {}),
    Endpoint("GET", "/account/export", {}),
    Endpoint("POST", "/account/logout", {}),
    Endpoint("GET", "/account/sessions", {}),
    Endpoint("DELETE", "/account/sessions", {"others": True}),
    Endpoint("GET", "/account/info", {}),
    Endpoint(
        "PUT",
        "/account/info",
        {
            "origin_password": PASSWORD,
            "name": "Ann",
            "password": PASSWORD,
            "email": "ann@example.com",
            "user_info": "Hello",
            "avatar": "",
        },
    ),
    Endpoint("POST", "/account/password/forgot", {"email": "ann@example.com"}),
    Endpoint(
        "POST",
        "/account/password/reset",
        {"email": "ann@example.com", "code": "01234567", "password": PASSWORD},
    ),
    Endpoint("POST", "/verify", {"email": "ann@example.com"}),
)
PUBLIC = (
    "/account/reg",
    "/account/login",
    "/account/password/forgot",
    "/account/password/reset",
    "/verify",
)
SIGNED_IN = [endpoint for endpoint in ENDPOINTS if endpoint.path not in PUBLIC]
WITH_FIELDS = [e for e in ENDPOINTS if e.fields and e.method != "DELETE"]
AVATAR = "/account/avatar/{account_id}/{digest}"


def optional_fields(endpoint: Endpoint) -> set[str]:
    """List the optional fields of an endpoint."""
    return set(endpoint.fields) - {"origin_password"} if endpoint.method == "PUT" else set()
