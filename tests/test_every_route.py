"""Every operation is called once through the gateway, and responds as documented.

The tests of each service cover its other requests.
"""

import re
from collections.abc import Callable
from typing import Any

import requests
from ims_client import Reply

from tests.client import PASSWORD, ApiClient, decrypted, encrypted
from tests.factories import unused_email
from tests.operations import OPERATIONS
from tests.pictures import data_uri, opened, picture
from tests.shapes import A_TIME, A_TOKEN, AN_ID, assert_shows

Calls = set[str]


class RecordingClient(ApiClient):
    """A client of a new account that records its operations."""

    def __init__(self, base_url: str, name: str, calls: Calls) -> None:
        super().__init__(base_url, name, unused_email(name))
        self._calls = calls
        self.sign_up()

    def fetch(self, method: str, path: str, **request: Any) -> requests.Response:
        """See `ApiClient`."""
        template = re.sub(r"/\d+/invitation$", "/1/invitation", path)
        self._calls.add(f"{method} {template}")
        return super().fetch(method, path, **request)

    def send_request(self, receiver: ApiClient) -> Reply:
        """Send a friend request."""
        return self.post("/add_friend", target_id=receiver.id, message="Hello")

    def accept(self, sender: ApiClient) -> Reply:
        """Accept a friend request."""
        return self.post("/friend_request_handle", **pair(sender, self))


def pair(sender: ApiClient, receiver: ApiClient) -> dict[str, int]:
    """The fields that identify a friend request."""
    return {"sender_user_id": sender.id, "receiver_user_id": receiver.id}


def succeeds(info: str, message: str | None = None) -> Reply:
    """A success without further fields."""
    fields = {} if message is None else {"message": message}
    return Reply(200, {"code": 0, "info": info, **fields})


def answer_about_accounts(
    alice: RecordingClient, bob: RecordingClient, carol: RecordingClient
) -> None:
    """基本管理, 用户认证."""
    email, password = unused_email(), encrypted(PASSWORD)
    registered = alice.post("/account/reg", email=email, password=password, name="Ann")
    assert_shows(registered, info="Succeed", token=A_TOKEN, message="注册成功", id=AN_ID)
    logged_in = alice.post("/account/login", email=f" {email.upper()} ", password=PASSWORD)
    assert_shows(logged_in, info="Succeed", token=A_TOKEN, id=registered.body["id"])
    code = alice.post("/verify", email=email)
    assert_shows(code, info="Succeed", message="发送成功")
    assert re.fullmatch("[0-9]{6}", decrypted(code.body["verify_code"]))

    own = {"name": "Alice", "email": alice.email, "user_info": "", "avatar": ""}
    info = alice.get("/account/info")
    assert_shows(info, info="Succeed", id=alice.id, deleted=False, **own)
    avatar = data_uri(picture())
    change = {"origin_password": encrypted(alice.password), "avatar": avatar, "user_info": "Me"}
    assert alice.put("/account/info", **change) == succeeds("Succeed", "修改成功")
    assert_shows(
        alice.get("/account/info"), info="Succeed", **own | {"avatar": avatar, "user_info": "Me"}
    )

    [session] = alice.get("/account/sessions").body["sessions"]
    assert session["current"] is True
    assert alice.fetch("GET", "/account/export").content.startswith(b"PK")
    assert_shows(alice.delete("/account/sessions", others=True))
    assert alice.post("/account/password/forgot", email=unused_email()).status == 200
    wrong = {"email": unused_email(), "code": "01234567", "password": PASSWORD}
    assert alice.post("/account/password/reset", **wrong).body["code"] == -5
    assert_shows(alice.post("/account/logout"), message="退出登录成功")
    assert carol.delete("/account/delete") == succeeds("Succeed", "注销成功")


def answer_about_friends(
    alice: RecordingClient, bob: RecordingClient, carol: RecordingClient
) -> None:
    """好友关系."""
    shown = {"email": bob.email, "name": "Bob", "avatar": ""}
    results = alice.get("/search_user", query_name="Bob")
    of_bob = {"user_id": bob.id, **shown, "is_friend": False, "deleted": False}
    assert of_bob in results.body["results"]
    user = {"id": bob.id, **shown, "user_info": "", "is_friend": False, "is_deleted": False}
    detail = alice.get("/search_user_detail", userId=bob.id)
    assert_shows(detail, info="success", user=user)

    assert alice.send_request(bob) == succeeds("success", "申请成功")
    request = {
        **pair(alice, bob),
        "user_email": alice.email,
        "user_name": "Alice",
        "avatar": "",
        "message": "Hello",
        "created_at": A_TIME,
        "status": 0,
    }
    assert_shows(bob.get("/friend_requests"), info="success", requests=[request])
    assert bob.accept(alice) == succeeds("success", "已接受该好友申请")
    carol.send_request(alice)
    refused = alice.delete("/friend_request_handle", **pair(carol, alice))
    assert refused == succeeds("success", "已拒绝该好友申请")
    friend = {"id": bob.id, **shown, "deleted": False}
    assert_shows(alice.get("/friends"), info="success", friends=[friend])

    made = alice.post("/groups", name="Family")
    assert_shows(made, info="success", message="分组创建成功")
    [family] = alice.get("/groups").body["groups"]
    assert family == {"id": AN_ID, "name": "Family"}
    where = {"group_id": family["id"]}
    of_bob = {**where, "member_id": bob.id}
    assert alice.post("/groups/members", **of_bob) == succeeds("success", "添加分组成员成功")
    assert_shows(alice.get("/groups/members", **where), info="success", members=[friend])
    group = {**family, "members": [friend]}
    assert_shows(alice.get("/groups/manage_groups", **where), info="success", group=group)
    of_friend = alice.get("/manage_friends", friend_id=bob.id)
    assert_shows(of_friend, info="success", **friend, user_info="", groups=[family])
    removed = alice.delete("/groups/members", **of_bob)
    assert removed == succeeds("success", "删除分组成员成功")
    renamed = alice.put("/groups/manage_groups", **where, new_name="Home")
    assert renamed == succeeds("success", "修改分组名称成功")
    assert alice.delete("/groups/manage_groups", **where) == succeeds("success", "删除分组成功")

    ended = alice.delete("/manage_friends", friend_id=bob.id)
    assert ended == succeeds("success", "删除好友成功")
    assert_shows(alice.post("/blocks", user_id=bob.id), info="Succeed")
    [block] = alice.get("/blocks").body["blocks"]
    assert block["id"] == bob.id
    assert_shows(alice.delete("/blocks", user_id=bob.id), info="Succeed")


def answer_about_messages(
    alice: RecordingClient, bob: RecordingClient, carol: RecordingClient
) -> None:
    """在线会话."""
    bob.send_request(alice)
    alice.accept(bob)
    made = alice.post("/conversations", members=[bob.id], name="Trip")
    assert_shows(made, info="success", message="创建会话成功", conversation_id=AN_ID)
    here = {"conversationId": made.body["conversation_id"]}
    there = {"conversation_id": made.body["conversation_id"]}

    sent = alice.post("/conversations/messages", **here, content="Where?")
    assert_shows(sent, info="Succeed", message_id=AN_ID, seq=1, created_time=A_TIME)
    assert "message" not in sent.body
    question = sent.body["message_id"]
    replied = bob.post("/conversations/messages", **here, content="There!", reply_to=question)
    about_alice = {"senderid": alice.id, "sendername": "Alice", "senderavatar": ""}
    about_bob = {"senderid": bob.id, "sendername": "Bob", "senderavatar": ""}
    common = {"type": 0, "conversation": here["conversationId"], "created_time": A_TIME}
    answered = {"reply_to": "Where?", "reply_to_id": question, "reply_to_type": 0}
    listed = [
        {"id": question, "content": "Where?", "seq": 1, **about_alice, **common},
        {"id": AN_ID, "content": "There!", "seq": 2, **about_bob, **common, **answered},
    ]
    fetched = alice.get("/conversations/messages", **here)
    assert_shows(fetched, info="success", messages=listed)
    assert answered.keys().isdisjoint(fetched.body["messages"][0])
    [reply] = alice.get("/conversations/get_reply", message_id=question).body["replies"]
    assert reply.items() >= {"reply_id": AN_ID, "sender_id": bob.id, "sender_name": "Bob"}.items()
    readers = bob.post("/conversations/readlist", message_id=replied.body["message_id"])
    assert_shows(readers, read_users=[{"id": alice.id, "name": "Alice", "avatar": ""}])

    filters = {**here, "sender_name": "bo", "content": "THERE"}
    filtered = alice.get("/conversations/manage_messages", **filters)
    assert [each["content"] for each in filtered.body["messages"]] == ["There!"]
    sifted = alice.post("/conversations/sift", **filters)
    assert_shows(sifted, info="Succeed", messages=filtered.body["messages"])
    [results] = alice.get("/conversations/search", content="There").body["messages"]
    assert results["content"] == "There!"
    here_alone = [here["conversationId"]]
    synced = alice.post("/conversations/sync", versions={}, conversation_ids=here_alone)
    [known] = synced.result()["conversations"]
    assert [each["content"] for each in known["messages"]] == ["Where?", "There!"]
    assert_shows(bob.post("/conversations/read", **here, message_id=question))

    put = alice.post("/interface", **here, ontop=True, notification=False, unreads="7")
    assert put == succeeds("Succeed")
    settings = {"unreads": 7, "notification": False, "ontop": True}
    assert_shows(alice.get("/interface", **there), info="Succeed", **settings)
    hidden = alice.delete("/conversations/delete_messages", message_ids=[question])
    assert_shows(hidden, message="删除聊天记录成功")
    deleted = alice.delete("/conversations/messages", message_id=question)
    assert deleted == succeeds("Succeed", "删除聊天记录成功")

    names = set()
    for _ in range(2):
        form = {"data": here, "files": {"image": ("wrong.txt", picture("GIF"))}}
        posted = alice.call("POST", "/conversations/image", **form)
        assert_shows(posted, info="Succeed", message_id=AN_ID, seq=AN_ID, created_time=A_TIME)
        image = bob.get("/conversations/messages", **here).body["messages"][-1]
        assert image["content"].startswith(f"{alice.base_url}/media/")
        names.add(image["content"].rpartition("/")[2])
    assert [len(name) >= 22 for name in names] == [True, True]  # They cannot be guessed.
    loaded = ApiClient(alice.base_url).fetch("GET", image["content"])
    assert (loaded.headers["Content-Type"], opened(loaded.content).size) == ("image/gif", (40, 30))
    assert loaded.headers["X-Content-Type-Options"] == "nosniff"

    listed_group, private = alice.get("/conversations").body["conversation"]
    assert (
        listed_group.items()
        >= {
            "id": here["conversationId"],
            "name": "Trip",
            "avatar": "",
            "last_message": image["content"],
            "last_message_time": A_TIME,
            "last_message_type": 1,
            "is_chat_group": True,
            "is_top": True,
            "notice_able": False,
        }.items()
    )
    assert "friend_id" not in listed_group
    assert (
        private.items()
        >= {
            "name": "Bob",
            "avatar": "",
            "last_message": "",
            "last_message_time": "",
            "is_chat_group": False,
            "friend_id": bob.id,
            "is_top": False,
            "notice_able": True,
            "unread_count": 0,
        }.items()
    )


def answer_about_groups(
    alice: RecordingClient, bob: RecordingClient, carol: RecordingClient
) -> None:
    """群聊管理."""
    for friend in (bob, carol):
        friend.send_request(alice)
        alice.accept(friend)
    members = [bob.id]
    made = alice.post("/conversations", members=members, name="Trip").body["conversation_id"]
    here = {"conversation_id": made}

    def succeeds_with(message: str) -> Reply:
        return succeeds("Succeed", message)

    promoted = alice.post("/conversations/manage/admin", **here, user=bob.id)
    assert promoted == succeeds_with("设置群组管理员成功")
    of_all = [
        {"id": alice.id, "name": "Alice", "avatar": "", "identity": 1},
        {"id": bob.id, "name": "Bob", "avatar": "", "identity": 2},
    ]
    listed = bob.get("/conversations/get_members", **here)
    assert_shows(listed, identity=2, members=of_all)
    dismissed = alice.delete("/conversations/manage/admin", **here, user=bob.id)
    assert dismissed == succeeds_with("解除群组管理员成功")

    path = "/conversations/manage/notifications"
    announced = alice.post(path, **here, content="Tomorrow")
    assert_shows(announced, info="success", message="发布群公告成功")
    [notice] = bob.get(path, **here).body["notifications"]
    named = {"content": "Tomorrow", "sender_name": "Alice", "timestamp": A_TIME}
    assert notice.items() >= {"notification_id": AN_ID, **named}.items()
    deleted = alice.delete(path, notification_id=notice["notification_id"])
    assert deleted == succeeds_with("删除群公告成功")

    def invite() -> int:
        invited = alice.post("/conversations/member/add", conversationId=made, member_id=carol.id)
        assert_shows(invited, info="success", message="邀请成功，等待管理员确认")
        waiting, *_ = bob.get(f"/conversations/{made}/invitation").body["invitation"]
        assert waiting == {
            "invite_id": AN_ID,
            "conversation_id": made,
            "sender_id": alice.id,
            "sender_name": "Alice",
            "sender_avatar": "",
            "receiver_id": carol.id,
            "receiver_name": "Carol",
            "receiver_avatar": "",
            "timestamp": A_TIME,
            "status": 0,
        }
        same, *_ = bob.get("/conversations/invitation", **here).body["invitations"]
        assert same == waiting
        invite_id: int = waiting["invite_id"]
        return invite_id

    path = "/conversations/manage/handle_invitation"
    rejected = alice.delete(path, **here, invite_id=invite(), status=1)
    assert rejected == succeeds("success", "拒绝该用户入群")
    accepted = alice.post(path, **here, invite_id=invite(), status=0)
    assert accepted == succeeds("success", "同意该用户入群")

    updated = alice.post("/conversations/manage/info", **here, name="Tour", avatar="builtin-boat")
    assert updated == succeeds_with("修改群信息成功")
    removed = alice.delete("/conversations/member/remove", **here, user=carol.id)
    assert removed == succeeds_with("移除群成员成功")
    transferred = alice.post("/conversations/manage/ownership_transfer", **here, user=bob.id)
    assert transferred == succeeds_with("群主转让成功")
    left = alice.post("/conversations/member/remove", **here)
    assert left == succeeds_with("退出群组成功")
    csrf = ApiClient(alice.base_url).fetch("GET", "/csrf")
    assert len(csrf.cookies["csrftoken"]) > 16
    alice.get("/csrf")


STORIES: tuple[Callable[[RecordingClient, RecordingClient, RecordingClient], None], ...] = (
    answer_about_accounts,
    answer_about_friends,
    answer_about_messages,
    answer_about_groups,
)


def test_every_operation_answers_as_documented(base_url: str) -> None:
    calls: Calls = set()

    for play in STORIES:
        alice, bob, carol = (
            RecordingClient(base_url, name, calls) for name in ("Alice", "Bob", "Carol")
        )
        play(alice, bob, carol)

    assert {str(each) for each in OPERATIONS} <= calls
