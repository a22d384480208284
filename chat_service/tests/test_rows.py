"""Statements select the columns of their row types, in the same order."""

from typing import Any

import pytest
from flask import Flask

from chat_service.domain import conversations, replies, search, sync
from chat_service.domain.messages import MESSAGES, MessageRow


@pytest.mark.parametrize(
    ("statement", "row_type"),
    [
        (lambda: MESSAGES, MessageRow),
        (lambda: sync._messages_query(newest=True), MessageRow),
        (lambda: conversations._CONVERSATIONS, conversations.ConversationRow),
        (lambda: conversations._SOME_CONVERSATIONS, conversations.ConversationRow),
        (
            lambda: search._messages_query("by_ids", frozenset(), texts_only=False),
            search.SummaryRow,
        ),
        (lambda: replies._REPLIES, search.SummaryRow),
    ],
)
def test_a_statement_has_the_columns_of_its_rows(app: Flask, statement: Any, row_type: Any) -> None:
    with app.app_context():
        columns = statement().selected_columns.keys()

    assert tuple(columns) == row_type._fields
