"""Events in any order and with repeats result in the newest state."""

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from chat_service.tests.calls import list_conversations
from chat_service.tests.factories import befriend, make_account, make_group
from shared.testing.cast import signed_in
from shared.testing.properties import example_settings, extended_timeout, new_user_ids

pytestmark = [pytest.mark.database, extended_timeout]

VERSIONS = range(1, 5)
any_order_with_repeats = st.permutations([*VERSIONS, *VERSIONS])


@example_settings
@given(order=any_order_with_repeats)
def test_an_account_has_the_state_of_the_newest_event(app: Flask, order: list[int]) -> None:
    owner, member = new_user_ids(2)
    make_account(app, owner, "Owner")
    caller = signed_in(app, owner)
    query = {"conversation_id": make_group(app, owner, member)}
    for applied, version in enumerate(order, start=1):
        make_account(app, member, f"Name {version}", version=version)
        members = caller.get("/conversations/get_members", query_string=query).json["members"]
        assert members[1]["name"] == f"Name {max(order[:applied])}"


@example_settings
@given(order=any_order_with_repeats)
def test_a_private_conversation_has_the_state_of_the_newest_event(
    app: Flask, order: list[int]
) -> None:
    one, other = new_user_ids(2)
    make_account(app, one, "One")
    make_account(app, other, "Other")
    for applied, version in enumerate(order, start=1):
        befriend(app, one, other, active=version % 2 == 1, version=version)
        for person in (one, other):
            listed = list_conversations(signed_in(app, person))
            assert len(listed) == max(order[:applied]) % 2
