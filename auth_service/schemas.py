"""Request and response schemas of the auth service."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shared.web.fields import Id, QueryFlag, RequestSchema, ResponseSchema, Text, Time

REGISTRATION_MESSAGES = {False: "注册成功", True: "已恢复账户"}

_EMAIL = {"example": "user@example.com"}
_NAME = {"example": "username"}
_PASSWORD = {
    "example": "pass_word1",
    "description": "1 to 20 letters, digits and underscores: AES-128-CBC, PKCS#7, an IV of zeros, "
    "base64; or as they are, unless the server wants them encrypted.",
}
_AVATAR = {
    "example": "data:image/png;base64,iVBORw0KGgo...",
    "description": "A PNG, JPEG, GIF or WebP of at most 2 MiB as a data URI or in bare base64, or "
    "a reference of the client's own, up to 2048 characters.",
}


class RegistrationIn(RequestSchema):
    """用户注册/account/reg."""

    email = Text(required=True, metadata=_EMAIL)
    name = Text(required=True, metadata=_NAME)
    password = Text(required=True, metadata=_PASSWORD)


class LoginIn(RequestSchema):
    """用户登录/account/login."""

    email = Text(required=True, metadata=_EMAIL)
    password = Text(required=True, metadata=_PASSWORD)


class TokenOut(ResponseSchema):
    """A token and its account."""

    id = fields.Integer()
    token = fields.String()


class RegistrationOut(TokenOut):
    """A token, and whether the account is new."""

    message = fields.String(validate=validate.OneOf(list(REGISTRATION_MESSAGES.values())))


class SessionOut(ResponseSchema):
    """An open session."""

    id = fields.Integer()
    created_at = Time()
    last_seen_at = Time()
    device = fields.String(metadata={"description": "User-Agent of the sign-in."})
    address = fields.String(metadata={"description": "Address of the sign-in."})
    current = fields.Boolean(metadata={"description": "Whether it is the session of this token."})


class SessionsOut(ResponseSchema):
    """The sessions of the caller, newest first."""

    sessions = fields.List(fields.Nested(SessionOut))


class SessionEnd(RequestSchema):
    """The sessions to end: one, or all except the current one."""

    session_id = Id()
    others = QueryFlag(load_default=False)

    @validates_schema
    def _is_decided(self, given: dict[str, Any], **_: Any) -> None:
        if "session_id" not in given and not given["others"]:
            raise ValidationError("Neither one nor the others.", "session_id")


class InfoOut(ResponseSchema):
    """获取个人信息/account/info."""

    id = fields.Integer()
    name = fields.String(metadata=_NAME)
    email = fields.String(metadata=_EMAIL)
    user_info = fields.String()
    avatar = fields.String(metadata={**_AVATAR, "description": "The text as it was uploaded."})
    deleted = fields.Boolean()


class InfoChange(RequestSchema):
    """修改个人信息/account/info."""

    origin_password = Text(required=True, metadata=_PASSWORD)
    name = Text(load_default=None, metadata=_NAME)
    password = Text(load_default=None, metadata=_PASSWORD)
    email = Text(load_default=None, metadata=_EMAIL)
    user_info = Text(load_default=None, metadata={"example": "", "maxLength": 255})
    avatar = Text(load_default=None, metadata=_AVATAR)


class ForgotPasswordIn(RequestSchema):
    """The account whose password is reset."""

    email = Text(required=True, metadata=_EMAIL)


class ResetIn(RequestSchema):
    """A code from a mail and the new password."""

    email = Text(required=True, metadata=_EMAIL)
    code = Text(required=True, metadata={"example": "01234567"})
    password = Text(required=True, metadata=_PASSWORD)


class VerificationIn(RequestSchema):
    """获取验证码/verify."""

    email = Text(required=True, metadata=_EMAIL)


class CodeOut(ResponseSchema):
    """获取验证码/verify."""

    verify_code = fields.String(metadata={"description": "Encrypted like a password."})


class PictureAddress(RequestSchema):
    """The path of an avatar."""

    account_id = Text(required=True, metadata={"example": "12"})
    digest = Text(required=True, metadata={"example": "9f86d081884c7d659a2feaa0c55ad015"})


class AccountPage(RequestSchema):
    """A page of accounts after an id."""

    after = Id(load_default=0)
    limit = fields.Integer(load_default=500, validate=validate.Range(1, 1000))


class SessionIds(RequestSchema):
    """A list of session ids."""

    ids = fields.List(Id(), required=True, validate=validate.Length(max=1000))


class AccountIds(RequestSchema):
    """A list of account ids."""

    ids = fields.List(Id(), required=True, validate=validate.Length(max=1000))
