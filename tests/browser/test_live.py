"""The page stays correct when networks, windows and servers fail and return."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Browser, FilePayload, Route, WebSocket, expect

from tests.browser.windows import Window, Windows
from tests.client import ApiClient
from tests.factories import befriend, list_contents, make_private, make_user
from tests.pictures import picture
from tests.product import PASSWORD_TRANSPORT_KEY, Product, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SENDING = "**/conversations/messages"
COUNT_UNSENT = """() => new Promise((resolve) => {
  indexedDB.open("ims").onsuccess = ({ target }) => {
    const outbox = target.result.transaction("outbox").objectStore("outbox");
    outbox.count().onsuccess = (event) => resolve(event.target.result);
  };
})"""


@pytest.fixture
def chat(alice: ApiClient, bob: ApiClient) -> int:
    """The chat of Alice and Bob."""
    befriend(alice, bob)
    return alice.get_private_conversation(bob.id).id


@pytest.fixture
def a(windows: Windows, alice: ApiClient, chat: int) -> Window:
    """Alice's window, with the chat open."""
    return _opened(windows, alice, chat)


@pytest.fixture
def b(windows: Windows, bob: ApiClient, chat: int) -> Window:
    """Bob's window, with the chat open."""
    return _opened(windows, bob, chat)


def _opened(windows: Windows, person: ApiClient, chat: int) -> Window:
    window = windows.open(person)
    window.open_chat(chat)
    return window


def _shown(window: Window) -> list[str]:
    return window.page.locator(".messages .text").all_inner_texts()


def _expect_shown(window: Window, texts: list[str]) -> None:
    expect(window.page.locator(".messages .text")).to_have_text(texts)
    expect(window.page.locator(".message.pending")).to_have_count(0)


def _refuse_to_send(route: Route) -> None:
    if route.request.method == "POST":
        route.abort()
    else:
        route.continue_()


def test_what_is_written_offline_arrives_once_and_in_order(a: Window, b: Window) -> None:
    a.context.set_offline(True)
    a.write("one")
    a.write("two")
    expect(a.page.locator(".message.pending")).to_have_count(2)
    expect(a.page.get_by_text(a.words("offline"))).to_be_visible()

    a.context.set_offline(False)

    _expect_shown(b, ["one", "two"])
    _expect_shown(a, ["one", "two"])


def test_what_was_missed_offline_is_there_afterwards(
    b: Window, alice: ApiClient, chat: int
) -> None:
    gone = alice.send_text(chat, "gone").message_id
    expect(b.text("gone")).to_be_visible()
    b.context.set_offline(True)
    expect(b.page.get_by_text(b.words("offline"))).to_be_visible()
    for text in ("three", "four"):
        alice.send_text(chat, text)
    alice.delete_message(gone)

    b.context.set_offline(False)

    _expect_shown(b, ["three", "four"])


def test_what_was_not_sent_survives_a_reload(a: Window, bob: ApiClient, chat: int) -> None:
    a.page.route(SENDING, _refuse_to_send)
    a.write("Do not lose me")
    expect(a.page.locator(".message.pending")).to_have_count(1)
    a.page.unroute(SENDING)

    a.page.reload()

    _expect_shown(a, ["Do not lose me"])
    assert list_contents(bob, chat) == ["Do not lose me"]


def test_a_picture_that_was_not_sent_survives_a_reload(a: Window, b: Window) -> None:
    a.page.route("**/conversations/image", lambda route: route.abort())
    image = FilePayload(name="tea.png", mimeType="image/png", buffer=picture())
    a.page.locator("label input[type=file]").set_input_files([image])
    expect(a.page.locator(".message.pending img")).to_be_visible()
    a.page.unroute("**/conversations/image")

    a.page.reload()

    expect(b.page.locator(".messages .picture-button img")).to_be_visible()
    expect(a.page.locator(".messages .picture-button img")).to_be_visible()
    expect(a.page.locator(".message.pending")).to_have_count(0)
    expect(a.page.locator(".message")).to_have_count(1)


def test_a_lost_answer_doubles_nothing(a: Window, bob: ApiClient, chat: int) -> None:
    lost: list[int] = []

    def lose_the_answer(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    a.page.route(SENDING, lose_the_answer)
    a.write("Only once")

    _expect_shown(a, ["Only once"])
    assert lost == [200]
    assert list_contents(bob, chat) == ["Only once"]


def test_a_message_that_is_refused_says_why_and_can_be_discarded(
    a: Window, alice: ApiClient, bob: ApiClient
) -> None:
    a.page.route(SENDING, _refuse_to_send)
    a.write("Too late")
    expect(a.page.locator(".message.pending")).to_have_count(1)
    a.page.route(
        SENDING,
        lambda route: route.fulfill(status=400, json={"code": -3, "info": "Content too long"}),
    )

    expect(a.page.get_by_text(a.words("Content too long"))).to_be_visible()
    a.button("discard").click()
    expect(a.page.locator(".message")).to_have_count(0)


def test_nothing_is_marked_as_read_in_a_hidden_window(
    windows: Windows, alice: ApiClient, bob: ApiClient, chat: int
) -> None:
    window = windows.open()
    window.context.add_init_script("document.hasFocus = () => window.isLookedAt === true")
    window.sign_in_as(bob)
    window.open_chat(chat)
    alice.send_text(chat, "Are you there?")
    expect(window.text("Are you there?")).to_be_visible()
    expect(window.page.locator(".rail .badge")).to_contain_text("1")
    assert bob.get_conversation(chat).unread_count == 1

    window.page.evaluate("window.isLookedAt = true; dispatchEvent(new Event('focus'))")

    expect(window.page.locator(".rail .badge")).to_have_count(0)
    assert bob.get_conversation(chat).unread_count == 0
    listed = alice.get("/conversations/messages", conversationId=chat).result()["messages"]
    assert [each["already_read"] for each in listed] == [True]


def test_a_read_position_is_sent_until_it_is_taken(
    windows: Windows, alice: ApiClient, bob: ApiClient, chat: int
) -> None:
    alice.send_text(chat, "Are you there?")
    window = windows.open(bob)
    expect(window.page.locator(".rail .badge")).to_contain_text("1")
    refusals = iter((None, 503, 429))

    def refuse(route: Route) -> None:
        status = next(refusals, 200)
        if status == 200:
            route.continue_()
        elif status is None:
            route.abort()
        else:
            route.fulfill(status=status, json={"code": -5, "info": "later"})

    window.page.route("**/conversations/read", refuse)
    window.open_chat(chat)

    expect(window.page.locator(".rail .badge")).to_have_count(0)
    assert bob.get_conversation(chat).unread_count == 0


def test_a_list_from_before_reading_brings_nothing_back(
    windows: Windows, alice: ApiClient, bob: ApiClient, chat: int
) -> None:
    alice.send_text(chat, "one")
    window = windows.open(bob)
    badge = window.page.locator(".rail .badge")
    expect(badge).to_contain_text("1")
    held: list[tuple[Route, APIResponse]] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    window.page.route("**/conversations", hold_the_first)
    with window.page.expect_request("**/conversations"):
        window.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    window.open_chat(chat)
    expect(badge).to_have_count(0)

    [(route, answer)] = held
    with window.page.expect_request("**/conversations"):
        route.fulfill(response=answer)
    window.goto("people")
    alice.send_text(chat, "two")

    expect(badge).to_have_text("1 unread")


def test_an_open_chat_can_be_marked_as_unread(
    b: Window, alice: ApiClient, bob: ApiClient, chat: int
) -> None:
    badge = b.page.locator(".rail .badge")
    alice.send_text(chat, "one")
    expect(b.text("one")).to_be_visible()
    expect(badge).to_have_count(0)

    b.page.locator(".rows .row").hover()
    b.button("actionsFor", name=alice.name).click()
    b.menu_item("markUnread")

    expect(badge).to_have_text("1 unread")
    expect(b.page.locator("textarea.draft")).to_have_count(0)
    assert bob.get_conversation(chat).unread_count == 1


def test_a_recent_chat_opens_without_a_request(
    windows: Windows, alice: ApiClient, bob: ApiClient, chat: int
) -> None:
    alice.send_text(chat, "Are you there?")
    window = windows.open()
    with window.page.expect_response("**/conversations/sync"):
        window.sign_in_as(bob)
    window.urls.clear()

    window.open_chat(chat)

    expect(window.text("Are you there?")).to_be_visible()
    assert [url for url in window.urls if "/conversations/messages" in url] == []


@pytest.mark.usefixtures("chat")
def test_pressing_a_chat_fetches_its_messages(
    windows: Windows, alice: ApiClient, bob: ApiClient
) -> None:
    window = windows.open()
    window.page.route("**/conversations/sync", lambda route: route.abort())
    window.sign_in_as(bob)

    with window.page.expect_request("**/conversations/messages?*"):
        window.page.get_by_role("link", name=alice.name).dispatch_event("pointerdown")


def test_two_windows_agree(windows: Windows, b: Window, alice: ApiClient, chat: int) -> None:
    other = windows.beside(b)
    other.goto("c")
    other.loaded()
    b.goto("people")

    alice.send_text(chat, "hello")
    for window in (b, other):
        expect(window.page.locator(".rail .badge")).to_contain_text("1")
    b.open_chat(chat)

    for window in (b, other):
        expect(window.page.locator(".rail .badge")).to_have_count(0)


def test_signing_out_signs_out_in_all_windows_and_leaves_no_token(
    windows: Windows, b: Window, bob: ApiClient
) -> None:
    other = windows.beside(b)
    other.goto("c")
    other.loaded()

    b.goto("me")
    b.button("signOut").last.click()

    for window in (b, other):
        expect(window.button("signIn")).to_be_visible()
        stored = window.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert bob.token not in stored


@pytest.mark.parametrize("path", ["/account/delete", "/account/logout"])
def test_who_leaves_leaves_no_unsent_messages_even_if_the_socket_ends_first(
    a: Window, path: str
) -> None:
    sockets: list[WebSocket] = []
    a.page.on("websocket", lambda socket: sockets.append(socket))  # noqa: PLW0108 - a built-in is refused
    a.page.reload()
    a.loaded()
    a.page.route(SENDING, _refuse_to_send)
    a.page.route(f"**{path}", lambda route: _respond_after_close(route, sockets[-1]))
    a.write("Never sent")
    expect(a.page.locator(".message.pending")).to_have_count(1)
    a.goto("me")

    if path == "/account/delete":
        a.button("deleteAccount").click()
        a.confirm("deleteAccount")
    else:
        a.button("signOut").last.click()

    expect(a.button("signIn")).to_be_visible()
    assert a.page.evaluate(COUNT_UNSENT) == 0


def _respond_after_close(route: Route, socket: WebSocket) -> None:
    """Hold back the response until the server has closed the live connection."""
    response = route.fetch()
    if not socket.is_closed():
        socket.wait_for_event("close")
    route.fulfill(response=response)


def test_a_token_stands_in_no_address(a: Window, alice: ApiClient) -> None:
    assert alice.token is not None
    assert [url for url in a.urls if alice.token in url] == []


def test_a_window_can_have_a_sign_in_of_its_own(
    windows: Windows, a: Window, bob: ApiClient
) -> None:
    other = windows.beside(a)
    other.goto("me")
    other.loaded()
    other.button("anotherAccount").click()
    other.field("email").fill(bob.email)
    other.field("password").fill(bob.password)
    other.button("signIn").click()
    other.loaded()

    other.goto("me")
    expect(other.page.get_by_text(bob.email)).to_be_visible()
    a.page.reload()
    a.loaded()
    expect(a.page.locator(".title-name")).to_have_text(bob.name)


def test_the_end_of_a_token_is_said(b: Window, bob: ApiClient) -> None:
    bob.delete("/account/delete").result()

    expect(b.page.get_by_text(b.words("signedOutByServer"))).to_be_visible()


# --- A server that dies ---


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Product]:
    """A product of this test, to be killed."""
    with running(tmp_path / "data", PASSWORD_TRANSPORT_KEY=PASSWORD_TRANSPORT_KEY) as product:
        yield product


def test_a_killed_chat_service_loses_and_doubles_nothing(browser: Browser, mortal: Product) -> None:
    windows = Windows(browser, mortal.base_url)
    alice, bob = make_user(mortal.base_url, "Alice"), make_user(mortal.base_url, "Bob")
    chat = make_private(alice, bob)
    a, b = _opened(windows, alice, chat), _opened(windows, bob, chat)
    written = [f"message {number}" for number in range(20)]

    for number, text in enumerate(written):
        a.write(text)
        if number % 7 == 3:
            for process in mortal.processes("chat_service"):
                process.kill()

    _expect_shown(a, written)
    _expect_shown(b, written)
    assert list_contents(bob, chat) == written
    windows.close()
