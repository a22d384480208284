"""Unrouted paths are not reachable by another spelling."""

from pathlib import Path

import pytest

from tests.attacks.conftest import SERVICES
from tests.attacks.wire import Door, head, statuses
from tests.scene import Scene

pytestmark = pytest.mark.slow

DISGUISES = (
    "/internal/accounts",
    "//internal/accounts",
    "/./internal/accounts",
    "/friends/../internal/accounts",
    "/friends/..;/internal/accounts",
    "/friends/%2e%2e/internal/accounts",
    "/friends%2f..%2finternal%2faccounts",
    "/%69nternal/accounts",
    "/internal%2faccounts",
    "/Internal/accounts",
    "/internal/accounts/",
    "/internal/accounts;x",
    "/internal/accounts%00",
    "/internal/accounts%20",
    "/internal\\accounts",
    "/account/avatar/../../internal/accounts",
    "/media/..%2finternal%2faccounts",
    "/docs/%2e%2e/internal/accounts",
    "http://auth-service/internal/accounts",
    "/account/info/../../internal/accounts",
)


def _status_of(door: Door, path: str, *headers: str) -> int:
    [status] = statuses(door.exchange(head(f"GET {path} HTTP/1.1", "Host: x", *headers)))
    return status


@pytest.mark.parametrize("path", DISGUISES)
def test_the_gateway_does_not_route_internal_paths_even_with_the_secret(
    doors: dict[str, Door], scene: Scene, data_dir: Path, path: str
) -> None:
    secrets = [(data_dir / "keys" / f"{name}-secret").read_text() for name in SERVICES]
    shown = [f"X-Internal-Secret: {secrets[0]}", f"X_Internal_Secret: {secrets[0]}"]
    gateway = doors["gateway"]

    met = {
        _status_of(gateway, path, *shown),
        _status_of(gateway, path, *shown, f"Authorization: {scene.alice.token}"),
    }

    assert met <= {401, 404}


@pytest.mark.parametrize("path", DISGUISES)
def test_a_service_wants_its_secret_however_the_path_is_spelled(
    doors: dict[str, Door], scene: Scene, path: str
) -> None:
    token = f"Authorization: {scene.alice.token}"

    assert {_status_of(doors[name], path, token) for name in SERVICES} <= {401, 404}


@pytest.mark.parametrize(
    "path",
    [
        "/friends%0d%0aSet-Cookie:%20a=b",
        "/friends%0d%0a%0d%0aGET%20/internal/accounts",
        "/search_user?query_name=%0d%0aX-Split:%20yes",
        "/account/avatar/1/%0d%0aX-Split:%20yes",
    ],
)
def test_a_line_break_in_a_path_begins_no_header_and_no_request(
    door: Door, scene: Scene, path: str
) -> None:
    answers = door.exchange(
        head(f"GET {path} HTTP/1.1", "Host: x", f"Authorization: {scene.alice.token}")
    )

    assert len(statuses(answers)) == 1
    assert b"\r\nX-Split" not in answers
    assert b"\r\nSet-Cookie" not in answers


@pytest.mark.parametrize(
    "target", ["internal:80", "*", "friends", "ftp://x/friends", "\\\\host\\friends", "/a b"]
)
@pytest.mark.parametrize("method", ["GET", "CONNECT", "OPTIONS"])
def test_a_target_that_is_no_path_is_refused_or_harmless(
    door: Door, method: str, target: str
) -> None:
    [status] = statuses(door.exchange(head(f"{method} {target} HTTP/1.1", "Host: x")))

    assert 200 <= status < 500
