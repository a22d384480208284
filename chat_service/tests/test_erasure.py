"""Erasure of an account: of its messages only the deletions remain."""

import pytest
from flask import Flask
from sqlalchemy import select

from chat_service.db import db
from chat_service.models import SearchGram
from chat_service.tests.calls import (
    delete_message,
    fetch_messages,
    get_unread_count,
    hide_messages,
    list_contents,
    list_conversations,
    make_private,
    send_image,
    send_text,
)
from chat_service.tests.factories import (
    add_member,
    befriend,
    index_all_messages,
    list_ids,
    make_account,
    make_group,
)
from shared.testing.cast import ALICE, BOB, CAROL, DAVE
from shared.testing.client import ApiClient
from shared.testing.databases import everything_in
from shared.testing.s3 import media_keys

pytestmark = pytest.mark.database


def erase(app: Flask, account_id: int = ALICE) -> None:
    """Deliver the erasure of an account by auth, and process it."""
    erased_state = {"email": "", "deleted": True, "generation": 1, "version": 9, "erased": True}
    make_account(app, account_id, "", **erased_state)
    app.test_cli_runner().invoke(args=["accounts", "erasures"])


def get_roles(caller: ApiClient, group: int) -> dict[int, int]:
    query = {"conversation_id": group}
    listed = caller.get("/conversations/get_members", query_string=query).json["members"]
    return {member["id"]: member["identity"] for member in listed}


@pytest.fixture
def group(app: Flask) -> int:
    """Bob's group, with alice as an admin, and carol."""
    return make_group(app, BOB, CAROL, admins=(ALICE,))


class TestErasedData:
    def test_all_data_of_the_user_are_deleted(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int, settings: dict[str, str]
    ) -> None:
        befriend(app, ALICE, DAVE)
        private = make_private(app, alice, bob)
        for conversation in (group, private):
            send_text(alice, conversation, "Alice was here", client_id=f"Alice {conversation}")
            hide_messages(alice, send_text(bob, conversation, "seen by her"))
            delete_message(
                alice, send_text(alice, conversation, "!", client_id=f"Alice -{conversation}")
            )
        send_image(bob, group)
        before = media_keys(settings)
        send_image(alice, group)
        announcement = {"conversation_id": group, "content": "Alice announces"}
        alice.post("/conversations/manage/notifications", json=announcement)
        invitation = {"conversationId": group, "member_id": DAVE}
        assert alice.post("/conversations/member/add", json=invitation).status_code == 200

        erase(app)

        assert "Alice" not in everything_in(app, db)
        assert media_keys(settings) == before
        assert bob.get(f"/conversations/{group}/invitation").json["invitation"] == []

    def test_their_texts_are_removed_from_the_search_index(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        send_text(alice, group, "Alice was here")
        stays = send_text(bob, group, "so was Bob")
        send_text(alice, make_private(app, alice, bob), "and here")
        index_all_messages(app)

        erase(app)

        with app.app_context():
            indexed = db.session.scalars(select(SearchGram.message_id).distinct()).all()
        assert indexed == [stays]

    def test_messages_in_former_groups_are_deleted(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        send_text(alice, group, "farewell")
        alice.post("/conversations/member/remove", json={"conversation_id": group})
        erase(app)
        assert list_contents(bob, group) == []

    def test_several_batches_of_messages_are_deleted(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        for number in range(103):
            send_text(alice, group, f"{number}")
        erase(app)
        assert list_contents(bob, group) == []

    def test_their_private_conversations_are_closed(
        self, app: Flask, alice: ApiClient, bob: ApiClient
    ) -> None:
        make_private(app, alice, bob)
        erase(app)
        assert list_conversations(bob) == []


class TestOthers:
    def test_have_their_own_messages_and_exact_unread_counts(
        self, app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient, group: int
    ) -> None:
        for speaker, text in ((alice, "a1"), (bob, "b1"), (alice, "a2"), (bob, "b2")):
            send_text(speaker, group, text)
        erase(app)
        assert get_unread_count(carol, group) == 2
        assert list_contents(carol, group) == ["b1", "b2"]

    def test_get_the_deletions_by_version(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        deleted_ids = [send_text(alice, group), send_text(alice, group)]
        version = fetch_messages(bob, group)["version"]
        erase(app)
        news = fetch_messages(bob, group, after_version=version)
        assert (news["messages"], news["deleted_ids"]) == ([], deleted_ids)
        assert news["version"] == version + 2

    def test_list_replies_without_their_targets(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        send_text(bob, group, "I agree", reply_to=send_text(alice, group, "Alice proposes"))
        erase(app)
        [reply] = fetch_messages(bob, group)["messages"]
        assert (reply["content"], "reply_to" in reply) == ("I agree", False)


class TestOwnedGroups:
    def test_are_transferred_to_the_oldest_admin(self, app: Flask, carol: ApiClient) -> None:
        group = make_group(app, ALICE, BOB, admins=(CAROL,))
        add_member(app, group, DAVE, role=2)
        erase(app)
        assert get_roles(carol, group) == {BOB: 3, CAROL: 1, DAVE: 2}

    def test_are_transferred_to_the_oldest_member_without_an_admin(
        self, app: Flask, carol: ApiClient
    ) -> None:
        group = make_group(app, ALICE, CAROL)
        add_member(app, group, BOB)
        erase(app)
        assert get_roles(carol, group) == {CAROL: 1, BOB: 3}

    def test_are_not_transferred_to_a_deleted_account(self, app: Flask, carol: ApiClient) -> None:
        group = make_group(app, ALICE, CAROL, admins=(BOB,))
        make_account(app, BOB, "Bob", version=2, deleted=True, generation=1)
        erase(app)
        assert get_roles(carol, group)[CAROL] == 1

    def test_are_dissolved_without_other_members(
        self, app: Flask, alice: ApiClient, bob: ApiClient
    ) -> None:
        group = make_group(app, ALICE, BOB, name="Alice's circle")
        send_text(bob, group)
        bob.post("/conversations/member/remove", json={"conversation_id": group})
        erase(app)
        assert "Alice's circle" not in everything_in(app, db)


def test_erasing_twice_changes_nothing(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int
) -> None:
    send_text(alice, group)
    erase(app)
    once = everything_in(app, db)
    erase(app)
    assert everything_in(app, db) == once
    assert list_ids(bob.get("/conversations"), "conversation") == [group]
