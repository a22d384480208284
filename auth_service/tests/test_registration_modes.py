"""Registration modes (``REGISTRATION``)."""

from collections.abc import Callable

import pytest

from auth_service import errors
from auth_service.tests.factories import PASSWORD, email_of
from shared.testing.client import ApiClient, Reply, assert_error

Configured = Callable[..., ApiClient]
OF_A_SCHOOL = "domains:School.example, münchen.de"


def register(client: ApiClient, email: str, password: str = PASSWORD) -> Reply:
    body = {"email": email, "name": "Ann", "password": password}
    return client.post("/account/reg", json=body)


def test_closed_registration_rejects_all(alice: ApiClient, configured: Configured) -> None:
    service = configured(REGISTRATION="closed")
    for email in ("ann@example.com", email_of("alice")):
        assert_error(register(service, email), errors.REGISTRATION_CLOSED)


def test_restoring_is_not_registering(alice: ApiClient, configured: Configured) -> None:
    service = configured(REGISTRATION="closed")
    alice.delete("/account/delete")
    wrong = register(service, email_of("alice"), "wrong")
    assert_error(wrong, errors.REGISTRATION_CLOSED)
    assert register(service, email_of("alice")).json["message"] == "已恢复账户"


@pytest.mark.parametrize("email", ["ann@school.example", "ann@xn--mnchen-3ya.de"])
def test_addresses_of_the_domains_register(configured: Configured, email: str) -> None:
    assert register(configured(REGISTRATION=OF_A_SCHOOL), email).status_code == 200


@pytest.mark.parametrize("email", ["ann@example.com", "ann@sub.school.example"])
def test_addresses_of_other_domains_do_not(configured: Configured, email: str) -> None:
    refusal = register(configured(REGISTRATION=OF_A_SCHOOL), email)
    assert_error(refusal, errors.REGISTRATION_CLOSED)


def test_an_address_is_not_changed_to_another_domain(
    alice: ApiClient, configured: Configured
) -> None:
    service = ApiClient(configured(REGISTRATION=OF_A_SCHOOL).app, alice.token)

    def change(email: str) -> Reply:
        body = {"origin_password": PASSWORD, "email": email}
        return service.put("/account/info", json=body)

    assert_error(change("alice@example.org"), errors.REGISTRATION_CLOSED)
    assert change("alicia@example.com").status_code == 200
    assert change("alice@school.example").status_code == 200


@pytest.mark.parametrize("mode", ["invited", "domains:", "domains:a b"])
def test_another_mode_stops_the_start(configured: Configured, mode: str) -> None:
    with pytest.raises(SystemExit, match=r"^REGISTRATION: "):
        configured(REGISTRATION=mode)
