"""The sections 基本管理 and 用户认证: accounts, logging in, codes by e-mail, one's own data."""

import base64
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from tests.people import (
    INVALID_JWT,
    PASSWORD,
    Person,
    Reply,
    Visitor,
    bad,
    befriend,
    contents,
    decrypted,
    done,
    encrypted,
    make_friend_group,
    make_group,
    private_chat,
    refused,
    send,
    unused_email,
)
from tests.pictures import data_uri, opened, photograph, picture
from tests.shapes import A_TOKEN, AN_ID, assert_shows

CHANGED = Reply(200, {"code": 0, "info": "Succeed", "message": "修改成功"})
WRONG_PASSWORD = refused(401, -3, "密码错误")


def register(visitor: Visitor, **fields: str) -> Reply:
    usual = {"email": unused_email(), "password": PASSWORD, "name": "Somebody"}
    return visitor.post("/account/reg", **(usual | fields))


def log_in(visitor: Visitor, email: str, password: str = PASSWORD) -> Reply:
    return visitor.post("/account/login", email=email, password=password)


def change(person: Person, **fields: Any) -> Reply:
    return person.put("/account/info", origin_password=person.password, **fields)


def info(visitor: Visitor) -> dict[str, Any]:
    return done(visitor.get("/account/info"))


def avatar_url(person: Person) -> str:
    """The avatar as others see it."""
    found = done(person.get("/search_user_detail", userId=person.id))["user"]
    url: str = found["avatar"]
    return url


def opened_avatar(person: Person) -> Any:
    return opened(person.fetch("GET", avatar_url(person)).content)


# 用户注册/account/reg


def test_registering_answers_with_a_token(visitor: Visitor) -> None:
    assert_shows(register(visitor), info="Succeed", token=A_TOKEN, message="注册成功", id=AN_ID)


@pytest.mark.parametrize(
    "name", ["n", "n" * 20, "名" * 20, "😀" * 20, " ", "<b>'\"; --", "a\nb", "\u202e"]
)
def test_a_name_is_any_text_of_1_to_20_code_points(visitor: Visitor, name: str) -> None:
    token = done(register(visitor, name=name))["token"]

    assert info(Visitor(visitor.base_url, token))["name"] == name


@pytest.mark.parametrize("password", ["p", "_", "A1_" * 6, "0" * 20])
def test_a_password_is_1_to_20_letters_digits_and_underscores(
    visitor: Visitor, password: str
) -> None:
    email = unused_email()
    done(register(visitor, email=email, password=password))

    assert log_in(visitor, email, password).status == 200


def test_a_password_may_travel_encrypted(visitor: Visitor) -> None:
    email = unused_email()
    done(register(visitor, email=email, password=encrypted(PASSWORD)))

    assert log_in(visitor, email, PASSWORD).status == 200


@pytest.mark.parametrize("password", ["", "p" * 21, "pass word", "密码", "password\n"])
def test_an_illegal_password_is_illegal_encrypted_as_well(visitor: Visitor, password: str) -> None:
    reply = register(visitor, password=encrypted(password))

    assert reply == refused(400, -4, "Password illegal")


def test_an_address_is_shown_as_it_was_given_but_for_blanks_around(visitor: Visitor) -> None:
    email = unused_email().replace("somebody", "SomeBody")

    token = done(register(visitor, email=f"  {email} "))["token"]

    assert info(Visitor(visitor.base_url, token))["email"] == email


def test_a_refused_registration_makes_no_account(visitor: Visitor) -> None:
    email = unused_email()
    register(visitor, email=email, name="")

    assert log_in(visitor, email) == refused(404, -1, "User not found")


def test_registering_again_restores_a_deleted_account(alice: Person) -> None:
    done(alice.delete("/account/delete"))

    reply = register(alice, email=alice.email, name="Alice again")

    assert_shows(reply, info="Succeed", message="已恢复账户", token=A_TOKEN, id=alice.id)
    assert info(Visitor(alice.base_url, reply.body["token"]))["name"] == "Alice again"


def test_restoring_takes_the_old_password_encrypted_as_well(alice: Person) -> None:
    done(alice.delete("/account/delete"))

    reply = register(alice, email=alice.email.upper(), password=encrypted(alice.password))

    assert_shows(reply, message="已恢复账户")


def test_a_restored_account_has_everything_again(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    family = make_friend_group(alice, "Family", bob)
    group = make_group(alice, bob)
    send(alice, group, "before")
    done(alice.delete("/account/delete"))

    alice.register()

    assert [each["id"] for each in done(alice.get("/friends"))["friends"]] == [bob.id]
    assert [each["id"] for each in done(alice.get("/groups"))["groups"]] == [family]
    assert contents(alice, group) == ["before"]
    assert private_chat(bob, alice) == private_chat(alice, bob)


# 用户注销/account/delete


def test_deleting_an_account_answers_so(alice: Person) -> None:
    expected = {"code": 0, "info": "Succeed", "message": "注销成功"}

    assert alice.delete("/account/delete") == (200, expected)


def test_an_account_is_deleted_without_a_body(alice: Person) -> None:
    assert alice.call("DELETE", "/account/delete").status == 200


def test_a_deleted_account_is_gone_for_logging_in(alice: Person) -> None:
    done(alice.delete("/account/delete"))

    assert log_in(alice, alice.email) == refused(404, 1, "User deleted or not activated")


def test_a_deleted_account_is_told_so_by_its_last_token(alice: Person) -> None:
    done(alice.delete("/account/delete"))

    assert info(alice)["deleted"] is True


def test_a_deleted_account_is_shown_as_deleted(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    done(bob.delete("/account/delete"))

    [friend] = done(alice.get("/friends"))["friends"]
    found = done(alice.get("/manage_friends", friend_id=bob.id))

    assert (friend["id"], friend["deleted"], found["deleted"]) == (bob.id, True, True)


# 用户登录/account/login


def test_logging_in_answers_with_a_token(alice: Person) -> None:
    reply = log_in(alice, alice.email)

    assert_shows(reply, info="Succeed", token=A_TOKEN, id=alice.id)


def test_logging_in_ignores_case_and_blanks_of_the_address(alice: Person) -> None:
    assert log_in(alice, f" {alice.email.upper()} ").status == 200


def test_logging_in_takes_the_password_encrypted(alice: Person) -> None:
    assert log_in(alice, alice.email, encrypted(alice.password)).status == 200


def test_several_tokens_of_one_account_work(alice: Person) -> None:
    first = Visitor(alice.base_url, alice.token)

    alice.log_in()

    assert info(first) == info(alice)


# 获取验证码/verify


def mails_to(email: str, data_dir: Path) -> list[str]:
    """The texts of the e-mails to an address that lie in the mail folder."""
    parsed = [
        message_from_bytes(each.read_bytes(), policy=policy.default)
        for each in data_dir.rglob("*.eml")
    ]
    return [
        body.get_content()
        for each in parsed
        if email in str(each["To"]) and (body := each.get_body()) is not None
    ]


def test_a_code_is_sent_by_mail_and_answered_encrypted(visitor: Visitor, data_dir: Path) -> None:
    email = unused_email()

    reply = visitor.post("/verify", email=email)

    code = decrypted(reply.body["verify_code"])
    assert_shows(reply, info="Succeed", message="发送成功", verify_code=encrypted(code))
    assert (len(code), code.isdecimal(), code.isascii()) == (6, True, True)
    [mail] = mails_to(email, data_dir)
    assert code in mail


def test_codes_differ(visitor: Visitor) -> None:
    codes = {done(visitor.post("/verify", email=unused_email()))["verify_code"] for _ in range(5)}

    assert len(codes) > 1


# 个人信息管理/account/info


def test_own_data_has_the_documented_fields_and_defaults(alice: Person) -> None:
    assert_shows(
        alice.get("/account/info"),
        info="Succeed",
        name="Alice",
        email=alice.email,
        user_info="",
        avatar="",
        deleted=False,
        id=alice.id,
    )


def test_own_data_can_be_changed(alice: Person) -> None:
    email = unused_email()

    reply = change(alice, name="Anna", email=email, user_info="About me", password="Other_2")

    assert reply == CHANGED
    found = info(alice)
    assert (found["name"], found["email"], found["user_info"]) == ("Anna", email, "About me")
    assert log_in(alice, email, "Other_2").status == 200


def test_the_password_alone_is_a_change_of_nothing(alice: Person) -> None:
    before = info(alice)

    assert change(alice) == CHANGED
    assert info(alice) == before


def test_passwords_of_a_change_may_travel_encrypted(alice: Person) -> None:
    reply = alice.put(
        "/account/info", origin_password=encrypted(alice.password), password=encrypted("Other_2")
    )

    assert reply == CHANGED
    assert log_in(alice, alice.email, "Other_2").status == 200


def test_after_a_change_of_the_password_the_old_one_is_wrong(alice: Person) -> None:
    done(change(alice, password="Other_2"))

    assert log_in(alice, alice.email) == WRONG_PASSWORD


def test_changing_the_password_ends_no_token(alice: Person) -> None:
    done(change(alice, password="Other_2"))

    assert info(alice)["id"] == alice.id


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"email": "nobody"}, {"password": ""}, {"avatar": "javascript:x"}]
)
def test_a_change_is_made_whole_or_not_at_all(alice: Person, wrong: dict[str, str]) -> None:
    before = info(alice)

    change(alice, **({"name": "Anna", "user_info": "New", "password": "Other_2"} | wrong))

    assert (info(alice), log_in(alice, alice.email).status) == (before, 200)


@pytest.mark.parametrize("about", ["", "i" * 255, "信" * 255, "a\nb"])
def test_what_one_says_of_oneself_has_up_to_255_characters(alice: Person, about: str) -> None:
    done(change(alice, user_info=about))

    assert info(alice)["user_info"] == about


@pytest.mark.parametrize("about", ["i" * 256, "信" * 256])
def test_more_than_255_characters_of_oneself_are_refused(alice: Person, about: str) -> None:
    assert change(alice, user_info=about) == bad("user_info")


def test_unchanged_fields_may_be_sent_back(alice: Person) -> None:
    done(change(alice, avatar=data_uri(picture()), user_info="About me"))
    before = info(alice)
    fields = {name: before[name] for name in ("name", "email", "user_info", "avatar")}

    assert change(alice, **fields) == CHANGED
    assert info(alice) == before


def test_the_case_of_ones_own_address_can_be_changed(alice: Person) -> None:
    assert change(alice, email=alice.email.upper()) == CHANGED
    assert info(alice)["email"] == alice.email.upper()


def test_the_address_of_a_deleted_account_is_taken(alice: Person, bob: Person) -> None:
    done(bob.delete("/account/delete"))

    assert change(alice, email=bob.email) == refused(400, -1, "User already exists")


def test_a_left_address_is_free(alice: Person, visitor: Visitor) -> None:
    done(change(alice, email=unused_email()))

    assert register(visitor, email=alice.email).status == 200


def test_others_see_a_changed_name_at_once(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    send(bob, group)

    done(change(bob, name="Robert"))

    [friend] = done(alice.get("/friends"))["friends"]
    [message] = done(alice.get("/conversations/messages", conversationId=group))["messages"]
    assert (friend["name"], message["sendername"]) == ("Robert", "Robert")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_an_avatar_comes_back_exactly_as_it_was_put(alice: Person, kind: str) -> None:
    avatar = data_uri(picture(kind), kind.lower())

    done(change(alice, avatar=avatar))

    assert info(alice)["avatar"] == avatar


def test_an_avatar_may_be_bare_base64(alice: Person) -> None:
    avatar = base64.b64encode(picture()).decode()

    done(change(alice, avatar=avatar))

    assert (info(alice)["avatar"], opened_avatar(alice).size) == (avatar, (40, 30))


def test_others_see_an_avatar_as_a_url_at_this_address(base_url: str, alice: Person) -> None:
    done(change(alice, avatar=data_uri(picture())))

    assert avatar_url(alice).startswith(f"{base_url}/account/avatar/{alice.id}/")


def test_an_avatar_loads_without_a_token_and_never_changes(alice: Person, visitor: Visitor) -> None:
    done(change(alice, avatar=data_uri(picture())))

    response = visitor.fetch("GET", avatar_url(alice))

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("image/")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in response.headers["Cache-Control"]
    assert "max-age=31536000" in response.headers["Cache-Control"]


def test_an_avatar_is_a_rendition_of_at_most_512_pixels_without_metadata(alice: Person) -> None:
    done(change(alice, avatar=data_uri(picture("PNG", (2000, 1000)))))
    large = opened_avatar(alice)
    done(change(alice, avatar=data_uri(photograph(), "jpeg")))

    content = alice.fetch("GET", avatar_url(alice)).content

    assert max(large.size) == 512
    assert b"Secret" not in content
    assert not opened(content).getexif()


def test_another_avatar_has_another_url(alice: Person) -> None:
    done(change(alice, avatar=data_uri(picture(seed=1))))
    first = avatar_url(alice)
    done(change(alice, avatar=data_uri(picture(seed=2))))

    assert avatar_url(alice) != first


def test_an_avatar_can_be_cleared(alice: Person) -> None:
    done(change(alice, avatar=data_uri(picture())))
    done(change(alice, avatar=""))

    assert (info(alice)["avatar"], avatar_url(alice)) == ("", "")


def test_the_url_of_ones_avatar_put_back_changes_nothing(alice: Person) -> None:
    avatar = data_uri(picture())
    done(change(alice, avatar=avatar))
    before = avatar_url(alice)

    assert change(alice, avatar=before) == CHANGED
    assert (info(alice)["avatar"], avatar_url(alice)) == (avatar, before)


@pytest.mark.parametrize(
    "reference", ["https://example.com/a.png", "builtin-cat", "/static/cat.png", "r" * 2048]
)
def test_an_avatar_may_be_a_reference_of_the_clients_own(alice: Person, reference: str) -> None:
    done(change(alice, avatar=reference))

    found = done(alice.get("/search_user_detail", userId=alice.id))["user"]

    assert (info(alice)["avatar"], found["avatar"]) == (reference, reference)


@pytest.mark.parametrize(
    "avatar",
    [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "a\tb",
        "r" * 2049,
        "data:image/png;base64,",
        "data:image/png;base64,AAAA",
        "data:image/svg+xml;base64,PHN2Zy8+",
        "data:text/html;base64,PGI+",
        "data:text/html,<script>alert(1)</script>",
        data_uri(picture()[:60]),
        data_uri(picture() + bytes(2 * 2**20)),
    ],
    ids=lambda avatar: ascii(avatar)[:40],
)
def test_an_avatar_that_is_no_picture_and_no_reference_is_refused(
    alice: Person, avatar: str
) -> None:
    assert change(alice, avatar=avatar) == bad("avatar")


# What a deleted account's tokens still do


def test_a_deleted_account_cannot_make_friends(alice: Person, bob: Person) -> None:
    done(alice.delete("/account/delete"))

    reply = alice.post("/add_friend", target_id=bob.id)

    assert reply == refused(404, -1, "User not found or deleted")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_deleted_account_cannot_handle_friend_requests(
    alice: Person, bob: Person, method: str
) -> None:
    done(bob.post("/add_friend", target_id=alice.id))
    done(alice.delete("/account/delete"))
    pair = {"sender_user_id": bob.id, "receiver_user_id": alice.id}

    reply = alice.call(method, "/friend_request_handle", json=pair)

    assert reply == refused(404, -1, "User deleted")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_request_of_a_deleted_account_cannot_be_handled(
    alice: Person, bob: Person, method: str
) -> None:
    done(bob.post("/add_friend", target_id=alice.id))
    done(bob.delete("/account/delete"))
    pair = {"sender_user_id": bob.id, "receiver_user_id": alice.id}

    reply = alice.call(method, "/friend_request_handle", json=pair)

    assert reply == refused(404, -1, "User deleted")


def test_a_deleted_account_is_deleted_once(alice: Person) -> None:
    done(alice.delete("/account/delete"))

    assert alice.delete("/account/delete") == INVALID_JWT
