"""群聊管理: roles, leaving and removing, announcements, invitations, and the group's own data."""

from typing import Any

import pytest

from tests.people import (
    Person,
    Reply,
    Visitor,
    announce,
    bad,
    contents,
    conversation,
    conversations,
    done,
    invitations,
    invite,
    members,
    refused,
    send,
)
from tests.pictures import data_uri, opened, picture
from tests.shapes import A_TIME, AN_ID, assert_shows

OWNER, ADMIN, MEMBER = 1, 2, 3
WAITING, REJECTED, ACCEPTED, OTHERWISE_IN = 0, 1, 2, 3


def promote(owner: Person, group: int, person: Person) -> Reply:
    return owner.post("/conversations/manage/admin", conversation_id=group, user=person.id)


def dismiss(owner: Person, group: int, person: Person) -> Reply:
    return owner.delete("/conversations/manage/admin", conversation_id=group, user=person.id)


def transfer(owner: Person, group: int, person: Person) -> Reply:
    path = "/conversations/manage/ownership_transfer"
    return owner.post(path, conversation_id=group, user=person.id)


def leave(person: Person, group: int) -> Reply:
    return person.post("/conversations/member/remove", conversation_id=group)


def remove(remover: Person, group: int, person: Person) -> Reply:
    return remover.delete("/conversations/member/remove", conversation_id=group, user=person.id)


def handle(method: str, person: Person, invitation: int, **more: Any) -> Reply:
    path = "/conversations/manage/handle_invitation"
    return person.call(method, path, json={"invite_id": invitation, **more})


def update(person: Person, group: int, **fields: Any) -> Reply:
    return person.post("/conversations/manage/info", conversation_id=group, **fields)


def announcements(person: Person, group: int) -> list[str]:
    reply = person.get("/conversations/manage/notifications", conversation_id=group)
    return [each["content"] for each in done(reply)["notifications"]]


# 设置/解除群组管理员/conversations/manage/admin


def test_making_an_admin_answers_so(alice: Person, bob: Person, group: int) -> None:
    reply = promote(alice, group, bob)

    assert reply == (200, {"code": 0, "info": "Succeed", "message": "设置群组管理员成功"})
    assert members(alice, group)[bob.id] == ADMIN


def test_dismissing_an_admin_answers_so(alice: Person, bob: Person, group: int) -> None:
    promote(alice, group, bob)

    reply = dismiss(alice, group, bob)

    assert reply == (200, {"code": 0, "info": "Succeed", "message": "解除群组管理员成功"})
    assert members(alice, group)[bob.id] == MEMBER


# 群主转让/conversations/manage/ownership_transfer


def test_transferring_a_group_answers_so(alice: Person, bob: Person, group: int) -> None:
    reply = transfer(alice, group, bob)

    assert reply == (200, {"code": 0, "info": "Succeed", "message": "群主转让成功"})


def test_the_new_owner_is_no_admin_and_the_old_one_a_plain_member(
    alice: Person, bob: Person, carol: Person, group: int
) -> None:
    promote(alice, group, bob)

    done(transfer(alice, group, bob))

    assert members(carol, group) == {bob.id: OWNER, alice.id: MEMBER, carol.id: MEMBER}


def test_the_old_owner_has_no_rights_left(alice: Person, bob: Person, group: int) -> None:
    done(transfer(alice, group, bob))

    assert transfer(alice, group, bob) == refused(403, -3, "非群主不能转让群主")


# 退出群组或移除群成员/conversations/member/remove


def test_leaving_answers_so(alice: Person, bob: Person, carol: Person, group: int) -> None:
    reply = leave(bob, group)

    assert reply == (200, {"code": 0, "info": "Succeed", "message": "退出群组成功"})
    assert members(alice, group) == {alice.id: OWNER, carol.id: MEMBER}


def test_the_owners_leaving_dissolves_the_group(alice: Person, bob: Person, group: int) -> None:
    send(bob, group)

    reply = leave(alice, group)

    assert reply == (200, {"code": 0, "info": "Succeed", "message": "退出群组成功"})
    assert group not in [each["id"] for each in (*conversations(alice), *conversations(bob))]


def test_a_dissolved_group_does_not_exist(alice: Person, bob: Person, group: int) -> None:
    leave(alice, group)

    fetched = bob.get("/conversations/messages", conversationId=group)
    sent = bob.post("/conversations/messages", conversationId=group, content="hello")

    assert fetched == refused(404, -1, "会话不存在")
    assert sent == refused(404, -1, "Conversation not found")


def test_removing_answers_so(alice: Person, bob: Person, carol: Person, group: int) -> None:
    reply = remove(alice, group, bob)

    assert reply == (200, {"code": 0, "info": "Succeed", "message": "移除群成员成功"})
    assert members(alice, group) == {alice.id: OWNER, carol.id: MEMBER}


def test_a_removed_member_loses_access_at_once(alice: Person, bob: Person, group: int) -> None:
    send(bob, group)
    done(remove(alice, group, bob))

    fetched = bob.get("/conversations/messages", conversationId=group)

    assert fetched == refused(400, 1, "用户不在会话中")
    assert group not in [each["id"] for each in conversations(bob)]


def test_messages_of_a_removed_member_stay(alice: Person, bob: Person, group: int) -> None:
    send(bob, group, "I was here")
    done(remove(alice, group, bob))

    assert contents(alice, group) == ["I was here"]


def test_the_owner_may_remove_an_admin(alice: Person, bob: Person, group: int) -> None:
    promote(alice, group, bob)

    assert remove(alice, group, bob).status == 200


def test_an_admin_may_remove_a_member(
    alice: Person, bob: Person, carol: Person, group: int
) -> None:
    promote(alice, group, bob)

    assert remove(bob, group, carol).status == 200


def test_an_admin_may_not_remove_another_admin(
    alice: Person, bob: Person, carol: Person, group: int
) -> None:
    promote(alice, group, bob)
    promote(alice, group, carol)

    assert remove(bob, group, carol) == refused(403, -3, "非群主不能移除管理员")


# 查看、发布及删除群公告/conversations/manage/notifications


def test_announcing_answers_so(alice: Person, group: int) -> None:
    reply = alice.post(
        "/conversations/manage/notifications", conversation_id=group, content="Tomorrow"
    )

    assert_shows(reply, info="success", message="发布群公告成功")


def test_announcements_come_newest_first(
    alice: Person, bob: Person, carol: Person, group: int
) -> None:
    promote(alice, group, bob)
    announce(alice, group, "first")
    announce(bob, group, "second")

    assert_shows(
        carol.get("/conversations/manage/notifications", conversation_id=group),
        info="success",
        notifications=[
            {
                "notification_id": AN_ID,
                "content": content,
                "sender_name": sender,
                "timestamp": A_TIME,
            }
            for content, sender in (("second", "Bob"), ("first", "Alice"))
        ],
    )


def test_without_announcements_the_list_is_empty(bob: Person, group: int) -> None:
    reply = bob.get("/conversations/manage/notifications", conversation_id=group)

    assert reply == (200, {"code": 0, "info": "success", "notifications": []})


@pytest.mark.parametrize("content", ["a", "a" * 2000, "公" * 2000])
def test_an_announcement_has_1_to_2000_characters(alice: Person, group: int, content: str) -> None:
    announce(alice, group, content)

    assert announcements(alice, group) == [content]


def test_deleting_an_announcement_answers_so(alice: Person, bob: Person, group: int) -> None:
    promote(alice, group, bob)
    notification_id = announce(alice, group)

    reply = bob.delete("/conversations/manage/notifications", notification_id=notification_id)

    assert reply == (200, {"code": 0, "info": "Succeed", "message": "删除群公告成功"})
    assert announcements(alice, group) == []


# 进群邀请/conversations/member/add, 获取群组邀请/conversations/<conversation_id>/invitation


def test_inviting_answers_so(bob: Person, dave: Person, group: int) -> None:

    reply = bob.post("/conversations/member/add", conversationId=group, member_id=dave.id)

    expected = {"code": 0, "info": "success", "message": "邀请成功，等待管理员确认"}
    assert_shows(reply, **{name: expected[name] for name in ("info", "message")})


@pytest.mark.parametrize("who", ["alice", "bob", "carol"])
def test_an_invitation_is_seen_by_every_member(
    alice: Person, bob: Person, carol: Person, dave: Person, group: int, who: str
) -> None:
    invite(bob, group, dave)
    member = {"alice": alice, "bob": bob, "carol": carol}[who]

    assert_shows(
        member.get(f"/conversations/{group}/invitation"),
        info="success",
        invitation=[
            {
                "invite_id": AN_ID,
                "conversation_id": group,
                "sender_id": bob.id,
                "sender_name": "Bob",
                "sender_avatar": "",
                "receiver_id": dave.id,
                "receiver_name": "Dave",
                "receiver_avatar": "",
                "timestamp": A_TIME,
                "status": WAITING,
            }
        ],
    )


def test_the_owners_own_invitation_waits_as_well(alice: Person, dave: Person, group: int) -> None:

    invite(alice, group, dave)

    assert dave.id not in members(alice, group)


def test_several_friends_can_be_invited_at_once(
    bob: Person, carol: Person, dave: Person, group: int, alice: Person
) -> None:
    done(remove(alice, group, carol))

    invite(bob, group, carol, dave)

    receivers = {each["receiver_id"] for each in invitations(bob, group)}
    assert receivers == {carol.id, dave.id}


def test_all_are_invited_or_none(bob: Person, carol: Person, dave: Person, group: int) -> None:
    ids = [dave.id, carol.id]

    bob.post("/conversations/member/add", conversationId=group, member_id=ids)

    assert invitations(bob, group) == []


def test_invitations_come_newest_first(
    alice: Person, bob: Person, dave: Person, group: int
) -> None:
    invite(alice, group, dave)
    invite(bob, group, dave)

    assert [each["sender_id"] for each in invitations(alice, group)] == [bob.id, alice.id]


def test_the_web_clients_list_of_invitations_is_the_same(
    alice: Person, dave: Person, group: int
) -> None:
    invite(alice, group, dave)

    reply = alice.get("/conversations/invitation", conversation_id=group)

    assert done(reply)["invitations"] == invitations(alice, group)


# 处理入群邀请/conversations/manage/handle_invitation


def test_accepting_an_invitation_answers_so(alice: Person, dave: Person, group: int) -> None:
    invitation = invite(alice, group, dave)

    reply = handle("POST", alice, invitation, conversation_id=group, status=0)

    assert reply == (200, {"code": 0, "info": "success", "message": "同意该用户入群"})


def test_accepting_lets_the_invited_in(
    alice: Person, bob: Person, dave: Person, group: int
) -> None:
    promote(alice, group, bob)
    invitation = invite(bob, group, dave)

    done(handle("POST", bob, invitation))

    assert members(dave, group)[dave.id] == MEMBER
    assert [each["status"] for each in invitations(alice, group)] == [ACCEPTED]


def test_rejecting_an_invitation_answers_so(alice: Person, dave: Person, group: int) -> None:
    invitation = invite(alice, group, dave)

    reply = handle("DELETE", alice, invitation, conversation_id=group, status=1)

    assert reply == (200, {"code": 0, "info": "success", "message": "拒绝该用户入群"})


def test_rejecting_keeps_the_invited_out(alice: Person, dave: Person, group: int) -> None:
    invitation = invite(alice, group, dave)

    done(handle("DELETE", alice, invitation))

    assert dave.id not in members(alice, group)
    assert [each["status"] for each in invitations(alice, group)] == [REJECTED]


@pytest.mark.parametrize(("method", "status"), [("POST", 1), ("POST", 2), ("POST", None)])
def test_the_method_decides_whatever_the_status_says(
    alice: Person, dave: Person, group: int, method: str, status: int | None
) -> None:
    invitation = invite(alice, group, dave)

    done(handle(method, alice, invitation, status=status))

    assert dave.id in members(alice, group)


def test_other_invitations_of_somebody_let_in_are_settled(
    alice: Person, bob: Person, dave: Person, group: int
) -> None:
    first = invite(alice, group, dave)
    second = invite(bob, group, dave)

    done(handle("POST", alice, first))

    assert [each["status"] for each in invitations(alice, group)] == [OTHERWISE_IN, ACCEPTED]
    assert handle("POST", alice, second) == refused(403, -4, "邀请已处理")


def test_somebody_rejected_may_be_invited_again(alice: Person, dave: Person, group: int) -> None:
    done(handle("DELETE", alice, invite(alice, group, dave)))

    invite(alice, group, dave)

    assert [each["status"] for each in invitations(alice, group)] == [WAITING, REJECTED]


def test_somebody_removed_may_come_back(alice: Person, bob: Person, group: int) -> None:
    done(remove(alice, group, bob))

    done(handle("POST", alice, invite(alice, group, bob)))

    assert bob.id in members(alice, group)


# 更新群信息/conversations/manage/info


def test_updating_a_group_answers_so(alice: Person, bob: Person, group: int) -> None:
    reply = update(alice, group, name="Trip", avatar="builtin-boat")

    assert reply == (200, {"code": 0, "info": "Succeed", "message": "修改群信息成功"})
    listed = conversation(bob, group)
    assert (listed["name"], listed["avatar"]) == ("Trip", "builtin-boat")


def test_an_admin_may_update_a_group(alice: Person, bob: Person, group: int) -> None:
    promote(alice, group, bob)

    done(update(bob, group, name="Trip"))

    assert conversation(alice, group)["name"] == "Trip"


def test_what_is_not_given_stays(alice: Person, group: int) -> None:
    done(update(alice, group, avatar="builtin-boat"))
    done(update(alice, group, name="Trip", avatar=None))
    done(update(alice, group))

    listed = conversation(alice, group)

    assert (listed["name"], listed["avatar"]) == ("Trip", "builtin-boat")


def test_a_groups_picture_is_shown_by_a_url_that_loads_without_a_token(
    base_url: str, alice: Person, visitor: Visitor, group: int
) -> None:
    done(update(alice, group, avatar=data_uri(picture("PNG", (900, 600)))))

    url = conversation(alice, group)["avatar"]

    assert url.startswith(f"{base_url}/")
    assert max(opened(visitor.fetch("GET", url).content).size) == 512


def test_a_groups_picture_put_back_or_cleared(alice: Person, group: int) -> None:
    done(update(alice, group, avatar=data_uri(picture())))
    url = conversation(alice, group)["avatar"]

    done(update(alice, group, avatar=url))
    put_back = conversation(alice, group)["avatar"]
    done(update(alice, group, avatar=""))

    assert (put_back, conversation(alice, group)["avatar"]) == (url, "")


@pytest.mark.parametrize("avatar", ["javascript:x", "data:text/html,x", "r" * 2049, "a\nb"])
def test_a_groups_picture_is_checked_like_an_avatar(alice: Person, group: int, avatar: str) -> None:
    assert update(alice, group, avatar=avatar) == bad("avatar")
