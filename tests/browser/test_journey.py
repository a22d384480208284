"""Three users visit every screen, and call every operation of the API."""

import email
import email.policy
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, expect

from tests.browser.windows import DESKTOP, PHONE, Window, Windows
from tests.client import PASSWORD, ApiClient
from tests.factories import befriend, make_user, unused_email
from tests.pictures import picture
from tests.product import POLL_INTERVAL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LEFT_OUT = {
    ("GET", "/csrf"): "a cookie that nothing checks: the client sends none",
    ("POST", "/conversations/sift"): "a later edition's name for searching in a conversation",
    ("GET", "/conversations/invitation"): "a later edition's name for the list of invitations",
}
IMAGE: FilePayload = {
    "name": "picture.png",
    "mimeType": "image/png",
    "buffer": picture(size=(320, 200)),
}

SECONDS_FOR_MAIL = 30.0

Operation = tuple[str, str]


def unused_name(name: str) -> str:
    """Create a unique name."""
    return unused_email(name).partition("@")[0]


def mailed_code(data_dir: Path, address: str, digits: int) -> str:
    """Wait for the newest mail to an address, and return its code."""
    deadline = time.monotonic() + SECONDS_FOR_MAIL
    while not (codes := _mailed_codes(data_dir, address, digits)):
        assert time.monotonic() < deadline, f"no mail to {address}"
        time.sleep(POLL_INTERVAL)
    return codes[-1]


def _mailed_codes(data_dir: Path, address: str, digits: int) -> list[str]:
    files = sorted((data_dir / "mail").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    texts = [_text_of(path) for path in files if f"To: {address}" in path.read_text()]
    return [code for text in texts for code in re.findall(rf"\b\d{{{digits}}}\b", text)]


def _text_of(path: Path) -> str:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    body = message.get_body(("plain",))
    return str(body.get_content()) if body else ""


class Journey:
    """Alice and Bob in their windows, and Carol, who is their friend."""

    def __init__(
        self,
        windows: Windows,
        base_url: str,
        data_dir: Path,
        language: str,
        operations: set[Operation],
    ) -> None:
        self.paths = {path for _, path in operations}
        size = PHONE if language == "zh" else DESKTOP
        self.open: Callable[..., Window] = lambda person=None: windows.open(
            person, language=language, size=size
        )
        self.base_url, self.data_dir = base_url, data_dir
        self.alice_email = unused_email("alice")
        self.alice_name = self.alice_email.partition("@")[0]
        self.bob = make_user(base_url, unused_name("bob"))
        self.carol = make_user(base_url, unused_name("carol"))
        befriend(self.carol, self.bob)
        self.windows: list[Window] = []

    def travel(self) -> set[Operation]:
        """Go all the way; what was called."""
        self.register()
        self.edit_account()
        self.find_friends()
        self.sort_friends()
        self.talk()
        self.search()
        self.run_a_group()
        self.hand_a_group_over()
        self.part()
        self.leave()
        return set().union(*(each.requests for each in self.windows))

    def register(self) -> None:
        """Register with a confirmed e-mail, sign out, forget the password, sign in."""
        a = self.a = self.open()
        self.windows.append(a)
        a.goto()
        a.button("register").click()
        a.field("name").fill(self.alice_name)
        a.field("email").fill(self.alice_email)
        a.button("confirmEmail").click()
        expect(a.field("code")).to_be_visible()
        a.field("code").fill(mailed_code(self.data_dir, self.alice_email, 6))
        expect(a.page.get_by_text(a.words("emailConfirmed"))).to_be_visible()
        a.field("password").fill(PASSWORD)
        a.button("register").click()
        a.loaded()
        a.goto("me")
        a.button("signOut").last.click()
        expect(a.button("signIn")).to_be_visible()
        if "/account/password/forgot" in self.paths:
            self.reset_password()
        a.field("email").fill(self.alice_email)
        a.field("password").fill(PASSWORD)
        a.button("signIn").click()
        a.loaded()
        self.alice = ApiClient(self.base_url, self.alice_name, self.alice_email).sign_in()

    def reset_password(self) -> None:
        """Have a code sent, and choose the password anew."""
        a = self.a
        a.button("forgotPassword").click()
        a.field("email").fill(self.alice_email)
        a.button("sendCode").click()
        expect(a.field("code")).to_be_visible()
        a.field("code").fill(mailed_code(self.data_dir, self.alice_email, 8))
        a.field("newPassword").fill(PASSWORD)
        a.button("save").click()
        expect(a.button("signIn")).to_be_visible()

    def edit_account(self) -> None:
        """Change name, picture, e-mail and password; see sessions; download everything."""
        a = self.a
        a.goto("me")
        a.button("editProfile").click()
        a.page.get_by_role("dialog").locator("input[type=file]").set_input_files([IMAGE])
        a.field("about").fill("Likes tea")
        a.field("currentPassword").fill(PASSWORD)
        a.button("save").click()
        expect(a.page.locator(".about")).to_have_text("Likes tea")
        expect(a.page.locator(".card-person img")).to_be_visible()
        a.button("changeEmail").click()
        self.alice_email = unused_email("alice")
        a.field("newEmail").fill(self.alice_email)
        a.field("currentPassword").fill(PASSWORD)
        a.button("save").click()
        expect(a.page.get_by_text(self.alice_email)).to_be_visible()
        a.button("changePassword").click()
        a.field("currentPassword").fill("wrong")
        a.field("newPassword").fill(PASSWORD)
        a.button("save").click()
        expect(a.page.get_by_text(a.words("密码错误"))).to_be_visible()
        a.field("currentPassword").fill(PASSWORD)
        a.button("save").click()
        expect(a.page.get_by_role("dialog")).to_have_count(0)
        if "/account/sessions" in self.paths:
            ApiClient(self.base_url, self.alice_name, self.alice_email).sign_in()
            a.page.reload()
            a.button("signOutOthers").click()
            expect(a.button("signOutOthers")).to_have_count(0)
        if "/account/export" in self.paths:
            with a.page.expect_download():
                a.button("downloadData").click()

    def find_friends(self) -> None:
        """Ask Bob, who refuses once and then accepts."""
        b = self.b = self.open(self.bob)
        self.windows.append(b)
        b.goto("people/requests")
        self.send_request(self.bob)
        b.button("decline").click()
        expect(b.page.get_by_text(b.words("declined"))).to_be_visible()
        self.send_request(self.bob)
        b.button("accept").click()
        expect(b.page.get_by_text(b.words("accepted"))).to_be_visible()
        self.alice = ApiClient(self.base_url, self.alice_name, self.alice_email).sign_in()

    def send_request(self, person: ApiClient) -> None:
        """Search for a user, and send a friend request."""
        a = self.a
        a.goto("people/add")
        a.field("name").fill(person.name)
        a.button("search").click()
        a.button("add").click()
        a.field("requestMessage").fill("Hello")
        a.button("sendRequest").click()
        expect(a.page.get_by_role("dialog")).to_have_count(0)

    def sort_friends(self) -> None:
        """Make a group of friends, fill it, rename it, empty it and delete it."""
        a = self.a
        a.goto("people")
        a.button("newFriendGroup").click()
        a.field("friendGroupName").fill("Family")
        a.button("save").click()
        a.page.get_by_role("link", name="Family").click()
        a.button("addMembers").click()
        a.page.get_by_role("checkbox", name=self.bob.name).check()
        a.button("add").click()
        a.button("rename").click()
        a.field("friendGroupName").fill("Friends")
        a.button("save").click()
        a.page.locator("main").get_by_role("link", name=self.bob.name).click()
        expect(a.page.locator(".tags")).to_have_text("Friends")
        a.page.locator(".tags").get_by_role("link").click()
        a.button("removeFromGroup", name=self.bob.name).click()
        expect(a.page.get_by_text(a.words("friendGroupEmpty"))).to_be_visible()
        a.button("deleteFriendGroup").click()
        a.confirm("delete")
        expect(a.page.get_by_role("link", name="Friends", exact=True)).to_have_count(0)

    def talk(self) -> None:
        """Text, reply, image, receipts, deleting."""
        a, b = self.a, self.b
        befriend(self.alice, self.carol)
        self.chat = self.alice.get_private_conversation(self.bob.id).id
        a.open_chat(self.chat)
        b.open_chat(self.chat)
        a.write("Shall we have tea?")
        expect(b.text("Shall we have tea?")).to_be_visible()
        b.message_menu("Shall we have tea?", "reply")
        b.write("With pleasure")
        expect(a.page.locator("article .quote")).to_have_text("Shall we have tea?")
        a.page.locator("label input[type=file]").first.set_input_files([IMAGE])
        b.page.locator(".picture-button").click()
        expect(b.page.locator("dialog .full-image")).to_be_visible()
        b.page.keyboard.press("Escape")
        a.message_menu("Shall we have tea?", "showReplies")
        expect(a.page.get_by_role("dialog").get_by_text("With pleasure")).to_be_visible()
        a.page.keyboard.press("Escape")
        a.message_menu("Shall we have tea?", "readBy")
        expect(a.page.get_by_role("dialog").get_by_text(self.bob.name)).to_be_visible()
        a.page.keyboard.press("Escape")
        a.write("Only for a moment")
        expect(b.text("Only for a moment")).to_be_visible()
        b.message_menu("Only for a moment", "deleteForMe")
        expect(b.text("Only for a moment")).to_have_count(0)
        a.message_menu("Only for a moment", "deleteForAll")
        a.confirm("delete")
        expect(a.text("Only for a moment")).to_have_count(0)

    def search(self) -> None:
        """Find messages in one chat, and in all."""
        a = self.a
        a.goto(f"c/{self.chat}/find")
        a.field("containsText").fill("TEA")
        a.page.locator(".details-pane").get_by_role("button", name=a.words("search")).click()
        a.page.locator(".details-pane .row-preview", has_text="Shall we have tea?").click()
        expect(a.page.locator("article.highlighted")).to_contain_text("Shall we have tea?")
        if "/conversations/search" not in self.paths:
            return
        a.goto("search")
        a.field("searchMessages").fill("pleasure")
        a.button("search").click()
        a.page.locator(".list-pane .row-preview", has_text="With pleasure").click()
        expect(a.page.locator("article.highlighted")).to_contain_text("With pleasure")

    def run_a_group(self) -> None:
        """A group with announcements, roles, settings, a name and a picture."""
        a, b = self.a, self.b
        a.goto("c")
        a.button("newGroup").click()
        a.field("groupName").fill("Tea party")
        a.page.get_by_role("checkbox", name=self.bob.name).check()
        a.button("create").click()
        expect(a.page.locator(".title-name")).to_have_text("Tea party")
        self.group = int(a.page.url.rpartition("/")[2])
        a.goto(f"c/{self.group}/info")
        a.page.get_by_role("switch").first.click()
        expect(a.page.get_by_role("switch").first).to_be_checked()
        a.button("newAnnouncement").click()
        a.field("announcement").fill("Tomorrow at ten")
        a.button("publish").click()
        b.open_chat(self.group)
        expect(b.page.locator(".announcement-bar")).to_contain_text("Tomorrow at ten")
        a.button("deleteAnnouncement").click()
        a.confirm("delete")
        expect(b.page.locator(".announcement-bar")).to_have_count(0)
        a.button("editGroup").click()
        a.page.get_by_role("dialog").locator("input[type=file]").set_input_files([IMAGE])
        a.field("groupName").fill("Coffee party")
        a.button("save").click()
        expect(b.page.locator(".title-name")).to_have_text("Coffee party")
        self.member(self.bob).click()
        a.menu_item("makeAdmin")
        expect(a.page.locator(".role.admin")).to_be_visible()
        self.member(self.bob).click()
        a.menu_item("dismissAdmin")
        expect(a.page.locator(".role.admin")).to_have_count(0)

    def member(self, person: ApiClient) -> Locator:
        """The button with what Alice can do about a member."""
        name = self.a.words("actionsFor", name=person.name)
        return self.a.page.locator(".details-pane").get_by_role("button", name=name, exact=True)

    def hand_a_group_over(self) -> None:
        """Invitations; a new owner; removing, leaving, dissolving."""
        a, b = self.a, self.b
        b.goto(f"c/{self.group}/info")
        for answer in ("declineName", "acceptName"):
            b.button("invite").click()
            b.page.get_by_role("checkbox", name=self.carol.name).check()
            b.confirm("invite")
            a.button(answer, name=self.carol.name).click()
            expect(a.button(answer, name=self.carol.name)).to_have_count(0)
        self.member(self.carol).click()
        a.menu_item("removeMember")
        a.confirm("remove")
        expect(self.member(self.carol)).to_have_count(0)
        self.member(self.bob).click()
        a.menu_item("transfer")
        a.confirm("transfer")
        a.button("leave").click()
        a.confirm("leave")
        expect(a.page).to_have_url(re.compile("#/c$"))
        b.button("dissolve").click()
        b.confirm("dissolve")
        expect(b.page).to_have_url(re.compile("#/c$"))

    def part(self) -> None:
        """Open a stranger's card, block a user, unblock them, end a friendship."""
        a, b = self.a, self.b
        a.goto(f"people/u/{self.carol.id}")
        a.button("deleteFriend").click()
        a.confirm("delete")
        expect(
            a.page.locator("main").get_by_role("button", name=a.words("addFriend"))
        ).to_be_visible()
        if "/blocks" not in self.paths:
            return
        b.goto(f"people/u/{self.carol.id}")
        b.button("block").click()
        b.confirm("block")
        b.goto("me")
        b.button("unblock").click()
        expect(b.page.get_by_text(b.words("nobodyBlocked"))).to_be_visible()

    def leave(self) -> None:
        """Delete the account, and come back with the same password."""
        a = self.a
        a.goto("me")
        a.button("deleteAccount").click()
        a.confirm("deleteAccount")
        expect(a.button("signIn")).to_be_visible()
        a.field("email").fill(self.alice_email)
        a.field("password").fill(PASSWORD)
        a.button("signIn").click()
        expect(
            a.page.get_by_role("alert").get_by_text(a.words("User deleted or not activated"))
        ).to_be_visible()
        a.register(self.alice_name, self.alice_email)
        a.goto(f"c/{self.chat}")
        expect(a.text("With pleasure")).to_be_visible()


def called(operation: Operation, requests: set[Operation]) -> bool:
    """Whether a request took the path of an operation."""
    method, template = operation
    pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", template))
    return any(method == each and pattern.fullmatch(path) for each, path in requests)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_three_people_go_through_every_screen_and_operation(
    windows: Windows, base_url: str, data_dir: Path, visitor: ApiClient, language: str
) -> None:
    document = visitor.fetch("GET", "/openapi.json").json()
    operations = {
        (method.upper(), path)
        for path, described in document["paths"].items()
        for method in described
        if method != "parameters"
    }
    requests = Journey(windows, base_url, data_dir, language, operations).travel()

    missed = {each for each in operations if not called(each, requests)}
    assert missed - LEFT_OUT.keys() == set()
