"""Commands for accounts follow the same rules and send the same events as the API."""

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask

from auth_service.tests.factories import ALICE, BOB, PASSWORD, email_of, make_account
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.fake_services import FakeService
from shared.web.errors import INVALID_JWT

NEW = "new_password_1"

Accounts = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Accounts:
    """Run ``accounts ...`` with a standard input."""

    def invoke(*args: str, stdin: str = "") -> Result:
        return app.test_cli_runner().invoke(args=["accounts", *args], input=stdin)

    return invoke


def _login(client: ApiClient, name: str, password: str) -> Reply:
    body = {"email": email_of(name), "password": password}
    return client.post("/account/login", json=body, headers={"Authorization": ""})


def test_a_created_account_can_sign_in_and_the_others_know_it(
    run: Accounts, anonymous: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    done = run("create", "ann@example.com", "安娜", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert (done.exit_code, done.stdout) == (0, "Created account 1.\n")
    assert _login(anonymous, "ann", PASSWORD).json["id"] == 1
    assert [state["name"] for state in fake_services["chat"].states("account")] == ["安娜"]


def test_a_password_is_prompted_for_twice_and_hidden(run: Accounts, anonymous: ApiClient) -> None:
    done = run("create", "ann@example.com", "Ann", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert done.exit_code == 0
    assert PASSWORD not in done.output
    assert _login(anonymous, "ann", PASSWORD).status_code == 200


def test_a_password_is_accepted_where_clients_must_encrypt_theirs(
    configured: Callable[..., ApiClient],
) -> None:
    app = configured(PASSWORD_TRANSPORT="encrypted").app
    create = ["accounts", "create", "ann@example.com", "Ann", "--password-stdin"]
    assert app.test_cli_runner().invoke(args=create, input=PASSWORD).exit_code == 0


@pytest.mark.parametrize(
    ("email", "name", "password", "reason"),
    [
        ("ann", "Ann", PASSWORD, "Invalid email"),
        ("ann@example.com", "A" * 21, PASSWORD, "Name too long"),
        ("ann@example.com", "Ann", "no-hyphens", "Password illegal"),
        ("ann@example.com", "Ann", "x" * 60, "Password illegal"),
        ("alice@example.com", "Ann", PASSWORD, "User already exists"),
    ],
)
def test_what_the_api_refuses_is_refused_with_its_words(
    run: Accounts, alice: ApiClient, email: str, name: str, password: str, reason: str
) -> None:
    done = run("create", email, name, "--password-stdin", stdin=password)
    assert (done.exit_code, done.stderr) == (1, f"Error: {reason}\n")


def test_accounts_are_listed_page_by_page(run: Accounts, alice: ApiClient, bob: ApiClient) -> None:
    first = run("list", "--limit", "1")
    rest = run("list", "--after", "1")
    assert [line.split()[0] for line in first.stdout.splitlines()] == ["id", "1"]
    assert first.stderr == "Next page: --after 1\n"
    assert [line.split()[0] for line in rest.stdout.splitlines()] == ["id", "2"]
    assert rest.stderr == ""


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ([], [ALICE, BOB, 3]),
        (["--deleted"], [3]),
        (["--active"], [ALICE, BOB]),
        (["--containing", "ALI"], [ALICE]),
        (["--containing", "@example"], [ALICE, BOB, 3]),
        (["--containing", "%"], []),
    ],
)
def test_a_list_can_be_narrowed(
    app: Flask, run: Accounts, alice: ApiClient, bob: ApiClient, options: list[str], ids: list[int]
) -> None:
    make_account(app, 3, "Carol", deleted=True)
    listed = json.loads(run("list", "--json", *options).stdout)
    assert [account["id"] for account in listed] == ids


@pytest.mark.parametrize("account", ["1", "alice@example.com", "Alice@Example.COM"])
def test_an_account_is_shown_by_id_or_e_mail_without_its_secrets(
    run: Accounts, alice: ApiClient, account: str
) -> None:
    shown = json.loads(run("show", account, "--json").stdout)
    assert (shown.pop("created_at")[-1], shown) == (
        "Z",
        {
            "id": ALICE,
            "deleted": False,
            "generation": 0,
            "email": "Alice@Example.com",
            "name": "Alice",
        },
    )
    assert run("show", account).stdout.startswith("id          1\n")


@pytest.mark.parametrize("command", ["show", "deactivate", "reactivate", "reset-password"])
@pytest.mark.parametrize("account", ["99", "ann@example.com", str(2**70), "²"])
def test_an_unknown_account_is_reported_in_one_line(
    run: Accounts, command: str, account: str
) -> None:
    done = run(command, account)
    assert (done.exit_code, done.stderr) == (1, "Error: User not found\n")


def test_deactivating_does_what_deleting_does(
    run: Accounts, alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    assert run("deactivate", "1").exit_code == 0
    assert _login(alice, "alice", PASSWORD).status_code == 404
    [state] = fake_services["chat"].states("account")
    assert (state["deleted"], state["generation"]) == (True, 1)


def test_reactivating_undoes_it_but_not_for_old_tokens(run: Accounts, alice: ApiClient) -> None:
    run("deactivate", "1")
    assert run("reactivate", "1").exit_code == 0
    assert _login(alice, "alice", PASSWORD).status_code == 200
    assert_error(alice.get("/account/info"), INVALID_JWT)


@pytest.mark.parametrize("command", ["deactivate", "reactivate"])
def test_repeating_a_command_changes_nothing_more(
    run: Accounts, alice: ApiClient, fake_services: dict[str, FakeService], command: str
) -> None:
    run("deactivate", "1")
    run(command, "1")
    event_count = len(fake_services["chat"].events)
    assert run(command, "1").exit_code == 0
    assert len(fake_services["chat"].events) == event_count


def test_a_reset_password_is_the_only_one_that_works(run: Accounts, alice: ApiClient) -> None:
    assert run("reset-password", "1", "--password-stdin", stdin=NEW).exit_code == 0
    assert _login(alice, "alice", NEW).status_code == 200
    assert _login(alice, "alice", PASSWORD).status_code == 401


def test_a_reset_ends_every_token_and_the_others_know_it(
    run: Accounts, alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    run("reset-password", "1", "--password-stdin", stdin=NEW)
    assert_error(alice.get("/account/info"), INVALID_JWT)
    [state] = fake_services["chat"].states("account")
    assert (state["deleted"], state["generation"]) == (False, 1)
    again = ApiClient(alice.app, _login(alice, "alice", NEW).json["token"])
    assert again.get("/account/info").status_code == 200


def test_a_made_up_password_is_printed_once_and_works(run: Accounts, alice: ApiClient) -> None:
    output = run("reset-password", "alice@example.com", "--generate").stdout
    generated = output.split()[-1]
    assert output.count(generated) == 1
    assert _login(alice, "alice", generated).status_code == 200


@pytest.mark.parametrize(
    ("password", "reason"),
    [("no-hyphens", "Invalid password"), ("", "Invalid password")],
)
def test_an_illegal_password_is_no_new_one(
    run: Accounts, alice: ApiClient, password: str, reason: str
) -> None:
    done = run("reset-password", "1", "--password-stdin", stdin=password)
    assert (done.exit_code, done.stderr) == (1, f"Error: {reason}\n")
    assert alice.get("/account/info").status_code == 200


def test_the_password_of_a_deleted_account_is_not_reset(run: Accounts, alice: ApiClient) -> None:
    run("deactivate", "1")
    done = run("reset-password", "1", "--generate")
    assert (done.exit_code, done.stderr) == (1, "Error: User deleted or not activated\n")
