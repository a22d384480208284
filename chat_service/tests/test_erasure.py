"""What stays of a person whose account was erased: nothing but the places of what they wrote."""

import pytest
from flask import Flask
from sqlalchemy import select

from chat_service.db import db
from chat_service.models import SearchGram
from chat_service.tests.calls import (
    contents,
    conversations,
    fetch,
    hide,
    make_private,
    remove_for_everybody,
    say,
    show,
    unread,
)
from chat_service.tests.factories import (
    befriend,
    ids,
    index_everything,
    join,
    make_account,
    make_group,
)
from shared.testing.cast import ALICE, BOB, CAROL, DAVE
from shared.testing.client import ApiClient
from shared.testing.databases import everything_in
from shared.testing.s3 import media_keys

pytestmark = pytest.mark.database


def erase(app: Flask, account_id: int = ALICE) -> None:
    """Auth tells that an account was erased, and the service works it off."""
    gone = {"email": "", "deleted": True, "generation": 1, "version": 9, "erased": True}
    make_account(app, account_id, "", **gone)
    app.test_cli_runner().invoke(args=["accounts", "erasures"])


def roles(caller: ApiClient, group: int) -> dict[int, int]:
    query = {"conversation_id": group}
    listed = caller.get("/conversations/get_members", query_string=query).json["members"]
    return {member["id"]: member["identity"] for member in listed}


@pytest.fixture
def group(app: Flask) -> int:
    """Bob's group, with alice as an admin, and carol."""
    return make_group(app, BOB, CAROL, admins=(ALICE,))


class TestWhatIsGone:
    def test_nothing_of_the_person_is_left(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int, settings: dict[str, str]
    ) -> None:
        befriend(app, ALICE, DAVE)
        private = make_private(app, alice, bob)
        for conversation in (group, private):
            say(alice, conversation, "Alice was here", client_id=f"Alice {conversation}")
            hide(alice, say(bob, conversation, "seen by her"))
            remove_for_everybody(
                alice, say(alice, conversation, "!", client_id=f"Alice -{conversation}")
            )
        show(bob, group)
        before = media_keys(settings)
        show(alice, group)
        announcement = {"conversation_id": group, "content": "Alice announces"}
        alice.post("/conversations/manage/notifications", json=announcement)
        invitation = {"conversationId": group, "member_id": DAVE}
        assert alice.post("/conversations/member/add", json=invitation).status_code == 200

        erase(app)

        assert "Alice" not in everything_in(app, db)
        assert media_keys(settings) == before
        assert bob.get(f"/conversations/{group}/invitation").json["invitation"] == []

    def test_no_pairs_of_what_they_wrote_are_in_the_index_of_searches(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        say(alice, group, "Alice was here")
        stays = say(bob, group, "so was Bob")
        say(alice, make_private(app, alice, bob), "and here")
        index_everything(app)

        erase(app)

        with app.app_context():
            indexed = db.session.scalars(select(SearchGram.message_id).distinct()).all()
        assert indexed == [stays]

    def test_messages_in_groups_that_they_had_left_are_gone_too(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        say(alice, group, "farewell")
        alice.post("/conversations/member/remove", json={"conversation_id": group})
        erase(app)
        assert contents(bob, group) == []

    def test_more_messages_than_go_at_once_all_go(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        for number in range(103):
            say(alice, group, f"{number}")
        erase(app)
        assert contents(bob, group) == []

    def test_their_private_conversations_are_closed(
        self, app: Flask, alice: ApiClient, bob: ApiClient
    ) -> None:
        make_private(app, alice, bob)
        erase(app)
        assert conversations(bob) == []


class TestOthers:
    def test_keep_what_they_wrote_and_exact_unread_counts(
        self, app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient, group: int
    ) -> None:
        for speaker, text in ((alice, "a1"), (bob, "b1"), (alice, "a2"), (bob, "b2")):
            say(speaker, group, text)
        erase(app)
        assert unread(carol, group) == 2
        assert contents(carol, group) == ["b1", "b2"]

    def test_catch_up_exactly_by_version(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        gone = [say(alice, group), say(alice, group)]
        known = fetch(bob, group)["version"]
        erase(app)
        news = fetch(bob, group, after_version=known)
        assert (news["messages"], news["deleted_ids"]) == ([], gone)
        assert news["version"] == known + 2

    def test_see_replies_without_what_they_replied_to(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        say(bob, group, "I agree", reply_to=say(alice, group, "Alice proposes"))
        erase(app)
        [reply] = fetch(bob, group)["messages"]
        assert (reply["content"], "reply_to" in reply) == ("I agree", False)


class TestGroupsThatTheyOwned:
    def test_go_to_the_oldest_admin(self, app: Flask, carol: ApiClient) -> None:
        group = make_group(app, ALICE, BOB, admins=(CAROL,))
        join(app, group, DAVE, role=2)
        erase(app)
        assert roles(carol, group) == {BOB: 3, CAROL: 1, DAVE: 2}

    def test_go_to_the_oldest_member_if_there_is_no_admin(
        self, app: Flask, carol: ApiClient
    ) -> None:
        group = make_group(app, ALICE, CAROL)
        join(app, group, BOB)
        erase(app)
        assert roles(carol, group) == {CAROL: 1, BOB: 3}

    def test_go_to_nobody_who_is_deleted_while_there_are_others(
        self, app: Flask, carol: ApiClient
    ) -> None:
        group = make_group(app, ALICE, CAROL, admins=(BOB,))
        make_account(app, BOB, "Bob", version=2, deleted=True, generation=1)
        erase(app)
        assert roles(carol, group)[CAROL] == 1

    def test_are_dissolved_if_nobody_is_left_in_them(
        self, app: Flask, alice: ApiClient, bob: ApiClient
    ) -> None:
        group = make_group(app, ALICE, BOB, name="Alice's circle")
        say(bob, group)
        bob.post("/conversations/member/remove", json={"conversation_id": group})
        erase(app)
        assert "Alice's circle" not in everything_in(app, db)


def test_erasing_twice_is_the_same_as_once(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int
) -> None:
    say(alice, group)
    erase(app)
    once = everything_in(app, db)
    erase(app)
    assert everything_in(app, db) == once
    assert ids(bob.get("/conversations"), "conversation") == [group]
