"""The number of queries of a list does not depend on its length."""

from typing import Any

import pytest
from flask import Flask

from shared.testing.cast import ALICE
from shared.testing.client import ApiClient
from shared.testing.databases import counted_queries
from social_service.db import db
from social_service.tests.factories import (
    make_account,
    make_blocks,
    make_friends,
    make_group,
    make_request,
)

pytestmark = pytest.mark.database

# The first query of most asks for the state of the caller's account.
LISTS = [
    ("/search_user", {"query_name": "Namesake"}, 1),
    ("/friend_requests", {}, 2),
    ("/friends", {}, 1),
    ("/blocks", {}, 2),
    ("/groups", {}, 2),
    ("/groups/manage_groups", {"group_id": 1}, 3),
    ("/groups/members", {"group_id": 1}, 3),
    ("/manage_friends", {"friend_id": 20}, 4),
    ("/search_user_detail", {"userId": 20}, 3),
]


def _populate(app: Flask, count: int) -> None:
    people = range(20, 20 + count)
    for person_id in people:
        make_account(app, person_id, "Namesake")
        make_friends(app, ALICE, person_id)
        make_request(app, person_id, ALICE)
        make_blocks(app, ALICE, 1_000 + person_id)
        make_account(app, 1_000 + person_id)
    make_group(app, ALICE, "All", *people)
    for number in range(count):
        make_group(app, ALICE, f"Group {number}", 20)


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize(("path", "query", "queries"), LISTS)
def test_a_list_costs_the_same_number_of_queries_at_any_length(
    app: Flask, alice: ApiClient, path: str, query: dict[str, Any], queries: int, count: int
) -> None:
    _populate(app, count)
    with counted_queries(app, db) as statements:
        response = alice.get(path, query_string=query)
    assert response.status_code == 200
    assert len(statements) == queries
