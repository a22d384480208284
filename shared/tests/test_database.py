"""A connection to the database may die at any moment."""

from flask import Flask
from sqlalchemy import text

from shared.tests.tiny import db


def test_a_connection_that_dies_after_its_last_question_changes_no_answer(app: Flask) -> None:
    with app.app_context():
        connection = db.session.connection().connection.driver_connection
        assert connection is not None
        connection.close()

    with app.app_context():
        assert db.session.execute(text("SELECT 1")).scalar() == 1
