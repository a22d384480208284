"""Shapes of what the auth service takes and answers."""

from shared.fields import Answer, Id, Params, Text


class RegistrationIn(Params):
    """用户注册/account/reg."""

    email = Text(required=True, metadata={"example": "user@example.com"})
    name = Text(required=True, metadata={"example": "username"})
    password = Text(required=True, metadata={"example": "pass_word1"})


class RegistrationOut(Answer):
    """The new account's token."""

    id = Id()
    token = Text()
