"""Routes of user search."""

from typing import Any

from shared.service import public_base_url
from shared.web.api import Blueprint
from shared.web.authentication import current_user_id, defer_account_check
from social_service import errors
from social_service.domain import people
from social_service.schemas.people import (
    NameQuery,
    PersonDetailsOut,
    PersonQuery,
    SearchResultsOut,
    person_detail_out,
    search_result_out,
)

blueprint = Blueprint("people", __name__)


@blueprint.get("/search_user")
@defer_account_check
@blueprint.arguments(NameQuery)
@blueprint.success("success", SearchResultsOut)
def search_user(name: str) -> dict[str, Any]:
    """Search users by exact name (用户查找/search_user)."""
    base = public_base_url()
    people_rows = people.search_by_name(name, current_user_id())
    return {"results": [search_result_out(row, base) for row in people_rows]}


@blueprint.get("/search_user_detail")
@blueprint.arguments(PersonQuery)
@blueprint.success("success", PersonDetailsOut)
@blueprint.errors(errors.USER_NOT_FOUND)
def search_user_detail(person_id: int) -> dict[str, Any]:
    """Get a user's public profile (查询单独用户信息/search_user_detail)."""
    account, is_friend = people.get_person(person_id, current_user_id())
    return {"user": person_detail_out(account, is_friend, public_base_url())}
