"""A flooding client is limited, and other users are not affected."""

from contextlib import ExitStack

import pytest
import websocket
from ims_client import Reply

from shared.testing.races import run_concurrently
from tests.client import ApiClient, refused
from tests.factories import befriend, list_contents, make_group, make_user
from tests.product import Product

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("impatient"),  # These tests share a product.
    pytest.mark.timeout(180),  # The first test waits for its start.
]

TOO_MANY_REQUESTS = refused(429, -429, "Too many requests")
WRONG = refused(401, -3, "密码错误")


@pytest.fixture
def mallory(impatient: Product) -> ApiClient:
    return make_user(impatient.base_url, "Mallory")


@pytest.fixture
def alice(impatient: Product) -> ApiClient:
    return make_user(impatient.base_url, "Alice")


def test_only_the_flooding_account_is_rejected(alice: ApiClient, mallory: ApiClient) -> None:
    flood = [mallory.get("/friends") for _ in range(110)]

    assert flood[99].status == 200
    assert flood[100:] == [TOO_MANY_REQUESTS] * 10
    assert alice.get("/friends").status == 200


def test_guessing_a_password_ends_wherever_the_guesser_says_he_is(
    impatient: Product, alice: ApiClient
) -> None:
    def guess(n: int) -> Reply:
        headers = {"X-Forwarded-For": f"198.51.100.{n}", "X-Real-IP": f"198.51.100.{n}"}
        credentials = {"email": alice.email, "password": f"guess_{n}"}
        visitor = ApiClient(impatient.base_url)
        return visitor.call("POST", "/account/login", headers=headers, json=credentials)

    answers = [guess(n) for n in range(30)]

    assert (answers[0], answers[-1]) == (WRONG, TOO_MANY_REQUESTS)
    assert 15 <= answers.count(WRONG) <= 20  # 15 a minute, which may end meanwhile, and 20 an hour.


def test_a_conversation_that_is_flooded_keeps_its_order(
    alice: ApiClient, mallory: ApiClient
) -> None:
    befriend(alice, mallory)
    group = make_group(alice, mallory)
    message = {"conversationId": group, "content": "spam"}

    replies = run_concurrently(*[lambda: mallory.post("/conversations/messages", **message)] * 8)

    assert [reply.status for reply in replies] == [200] * 8
    assert sorted(reply.body["seq"] for reply in replies) == list(range(1, 9))
    assert list_contents(alice, group) == ["spam"] * 8


def test_of_one_persons_sockets_the_oldest_is_closed(
    impatient: Product, mallory: ApiClient
) -> None:
    address = impatient.base_url.replace("http", "ws")
    with ExitStack() as stack:
        sockets = []
        for _ in range(21):
            opened = websocket.create_connection(f"{address}/ws/?token={mallory.token}", timeout=20)
            sockets.append(opened)
            stack.callback(opened.shutdown)

        code, closing = sockets[0].recv_data(control_frame=True)

    assert (code, int.from_bytes(closing[:2])) == (websocket.ABNF.OPCODE_CLOSE, 4429)


def test_who_connects_again_and_again_is_told_to_wait(
    impatient: Product, mallory: ApiClient
) -> None:
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "no key",
    }
    visitor = ApiClient(impatient.base_url)

    tries = [
        visitor.call("GET", f"/ws/?token={mallory.token}", headers=handshake) for _ in range(41)
    ]

    assert (tries[0].status, tries[-1]) == (400, TOO_MANY_REQUESTS)
