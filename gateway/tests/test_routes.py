"""Every path is forwarded to its service or refused; only public paths need no token."""

import pytest
from flask.testing import FlaskClient

from gateway.routes import ROUTES, match_route
from gateway.tests.upstreams import Upstream
from gateway.tests.wire import Gateway

DOCUMENTED = {
    "auth": (
        "/account/reg",
        "/account/delete",
        "/account/login",
        "/account/info",
        "/account/avatar/7/0a1b",
        "/verify",
    ),
    "social": (
        "/search_user",
        "/search_user_detail",
        "/add_friend",
        "/friend_requests",
        "/friend_request_handle",
        "/groups",
        "/groups/manage_groups",
        "/groups/members",
        "/friends",
        "/manage_friends",
        "/blocks",
    ),
    "chat": (
        "/conversations",
        "/conversations/messages",
        "/conversations/image",
        "/conversations/get_reply",
        "/conversations/12/invitation",
        "/conversations/manage/admin",
        "/interface",
        "/csrf",
        "/media/0a1b.png",
        "/ws",
        "/ws/",
    ),
}
PATHS = [(path, service) for service, paths in DOCUMENTED.items() for path in paths]
PUBLIC = (
    "/account/reg",
    "/account/login",
    "/account/avatar/7/0a1b",
    "/verify",
    "/csrf",
    "/media/0a1b.png",
    "/docs",
    "/docs/swagger-ui.css",
    "/openapi.json",
    "/livez",
    "/readyz",
)
OTHERS = (
    *(path for path, _ in PATHS if path not in PUBLIC),
    "/media",
    "/web",
    "/account/avatar",
    "/internal/events",
    "/nowhere",
)
TRICKS = (
    "//friends",
    "//ws/",
    "/./friends",
    "/friends/",
    "/friends/.",
    "/friends/..",
    "/friends//7",
    "/friends/../internal/events",
    "/friends/%2e%2e/internal/events",
    "/friends/.%2E/internal/events",
    "/friends%2f..%2finternal%2fevents",
    "/friends/..;/internal/events",
    "/friends;a=b",
    "/friends\\..\\internal",
    "/friends/%5c..%5cinternal",
    "/friends%00",
    "/friends/%0d%0aHost:%20x",
    "/friends/%7f",
    "/Friends",
    "/FRIENDS",
    "/friendsandmore",
    "/%2566riends",
    "/ws//",
    "/internal",
    "/internal/events",
    "/%69nternal/events",
    "http://127.0.0.1/internal/events",
)
MISLEADING = (
    "/media/../internal/events",
    "/media/%2e%2e/internal/events",
    "/account/avatar/..%2f..%2finternal%2fevents",
    "/docs/../internal/events",
    "/docs/%2e%2e%2fapp.py",
)


@pytest.mark.parametrize(("path", "service"), PATHS)
def test_a_path_is_forwarded_to_its_service(
    gateway: Gateway, token: str, path: str, service: str
) -> None:
    response = gateway.request("GET", f"{path}?token={token}", token=token)

    assert (response.json["service"], response.json["target"]) == (service, f"{path}?token={token}")


def test_every_prefix_is_one_segment() -> None:
    assert [match_route(f"{prefix}/x") for prefix in ROUTES] == list(ROUTES.values())


@pytest.mark.parametrize("path", PUBLIC)
def test_a_public_path_needs_no_token(local_client: FlaskClient, path: str) -> None:
    assert local_client.get(path, buffered=True).status_code == 200


@pytest.mark.parametrize("path", OTHERS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "TRACE"])
def test_a_request_without_a_token_is_refused_first(
    local_client: FlaskClient, method: str, path: str
) -> None:
    response = local_client.open(path, method=method, data=b"{", content_type="application/json")

    assert response.status_code == 401
    assert response.json == {"code": -2, "info": "Invalid or expired JWT"}


@pytest.mark.parametrize("path", [*TRICKS, *MISLEADING])
def test_an_ambiguous_path_is_not_forwarded(
    gateway: Gateway, services: dict[str, Upstream], token: str, path: str
) -> None:
    response = gateway.request("POST", path, token=token, body=b"{}")

    assert (response.status, response.json) == (404, {"code": -404, "info": "Not found"})
    assert not [exchange.path for service in services.values() for exchange in service.received]


@pytest.mark.parametrize("path", TRICKS)
def test_an_ambiguous_path_without_a_token_is_unauthorized(gateway: Gateway, path: str) -> None:
    assert gateway.request("GET", path).status == 401


def test_a_path_is_forwarded_in_the_form_that_was_checked(
    gateway: Gateway, social: Upstream, token: str
) -> None:
    gateway.request("GET", "/friend%73/%E4%BD%A0%25?q=%E4%BD%A0", token=token)

    assert social.received[0].path == "/friends/%E4%BD%A0%25?q=%E4%BD%A0"


def test_an_absolute_target_is_only_its_path(
    gateway: Gateway, social: Upstream, token: str
) -> None:
    gateway.request("GET", "http://elsewhere.example/friends?a=b", token=token)

    assert social.received[0].path == "/friends?a=b"


def test_an_overlong_path_is_refused_as_json(gateway: Gateway, token: str) -> None:
    response = gateway.request("GET", f"/friends/{'a' * 10_000}", token=token)

    assert (response.status, response.json["code"]) == (414, -414)


def test_overlong_headers_are_refused_as_json(gateway: Gateway, token: str) -> None:
    response = gateway.request("GET", "/friends", f"X-Long: {'a' * 10_000}", token=token)

    assert (response.status, response.json["code"]) == (431, -431)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW"])
def test_an_unknown_method_is_405(
    gateway: Gateway, social: Upstream, token: str, method: str
) -> None:
    response = gateway.request(method, "/friends", token=token)

    assert (response.status, response.json) == (405, {"code": -405, "info": "Bad method"})
    [allowed] = response.header("Allow")
    assert sorted(allowed.split(", ")) == ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]
    assert not social.received


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/healthz", "/livez", "/readyz"])
def test_a_wrong_method_on_a_page_of_the_gateway_is_405(
    local_client: FlaskClient, path: str
) -> None:
    response = local_client.post(path)

    assert (response.status_code, response.json) == (405, {"code": -405, "info": "Bad method"})
    assert "GET" in response.headers["Allow"]
