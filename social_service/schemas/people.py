"""People who are searched for, and those in lists."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import Length

from shared.data.accounts import avatar_url
from shared.web.fields import Id, RequestSchema, ResponseSchema, Text


class NameQuery(RequestSchema):
    """用户查找/search_user."""

    name = Text(
        required=True,
        data_key="query_name",
        validate=Length(min=1),
        metadata={"example": "username"},
    )


class PersonQuery(RequestSchema):
    """查询单独用户信息/search_user_detail."""

    person_id = Id(required=True, data_key="userId")


class PersonOut(ResponseSchema):
    """A user in a list of friends or of a group's members."""

    id = fields.Integer()
    email = fields.String()
    name = fields.String()
    avatar = fields.String(metadata={"description": "A URL, or empty."})
    deleted = fields.Boolean()


def person_out(account: Any, base: str) -> dict[str, Any]:
    """Build a `PersonOut` from an account's row; ``base`` is the base of avatar URLs."""
    return {
        "id": account.id,
        "email": account.email,
        "name": account.name,
        "avatar": avatar_of(account, base),
        "deleted": account.deleted,
    }


class SearchResultOut(ResponseSchema):
    """A search result."""

    user_id = fields.Integer()
    name = fields.String()
    email = fields.String()
    avatar = fields.String(metadata={"description": "A URL, or empty."})
    is_friend = fields.Boolean()
    deleted = fields.Boolean()


def search_result_out(row: Any, base: str) -> dict[str, Any]:
    """Build a `SearchResultOut` from an account's row with ``is_friend``."""
    return {
        "user_id": row.id,
        "name": row.name,
        "email": row.email,
        "avatar": avatar_of(row, base),
        "is_friend": row.is_friend,
        "deleted": row.deleted,
    }


class PersonDetailOut(ResponseSchema):
    """The profile of a user."""

    id = fields.Integer()
    name = fields.String()
    email = fields.String()
    avatar = fields.String(metadata={"description": "A URL, or empty."})
    user_info = fields.String()
    is_friend = fields.Boolean()
    is_deleted = fields.Boolean()


def person_detail_out(account: Any, is_friend: bool, base: str) -> dict[str, Any]:
    """Build a `PersonDetailOut` from an account's row."""
    return {
        "id": account.id,
        "name": account.name,
        "email": account.email,
        "avatar": avatar_of(account, base),
        "user_info": account.user_info,
        "is_friend": is_friend,
        "is_deleted": account.deleted,
    }


class SearchResultsOut(ResponseSchema):
    """The users with the name."""

    results = fields.List(fields.Nested(SearchResultOut))


class PersonDetailsOut(ResponseSchema):
    """One user."""

    user = fields.Nested(PersonDetailOut)


def avatar_of(account: Any, base: str) -> str:
    """The URL of an account's picture, or an empty text."""
    return avatar_url(base, account.id, account.avatar_digest, account.avatar_reference)
