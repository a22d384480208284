"""Database URLs in the notations of PostgreSQL and SQLAlchemy."""

import pytest
from sqlalchemy import make_url

from shared.urls import sqlalchemy_url


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        (
            "postgresql://ann:p%40ss@db:5433/chat",
            {"user": "ann", "password": "p@ss", "host": "db", "port": 5433, "dbname": "chat"},
        ),
        ("postgres://ann@db/chat", {"user": "ann", "host": "db", "dbname": "chat"}),
        (
            "postgresql://ann:p%40ss@a:5432,b:5433/chat?target_session_attrs=read-write",
            {
                "user": "ann",
                "password": "p@ss",
                "host": "a,b",
                "port": "5432,5433",
                "dbname": "chat",
                "target_session_attrs": "read-write",
            },
        ),
        (
            "postgresql+psycopg://ann@/chat?host=a,b&port=1,2",
            {"user": "ann", "host": "a,b", "port": "1,2", "dbname": "chat"},
        ),
        (
            "postgresql://a,[::1]:7,%2Frun%2Fpg/chat",
            {"host": "a,::1,/run/pg", "port": "5432,7,5432", "dbname": "chat"},
        ),
    ],
)
def test_a_url_of_postgresql_has_the_parameters_of_libpq(
    url: str, arguments: dict[str, str]
) -> None:
    parsed = make_url(sqlalchemy_url(url))

    assert parsed.get_dialect()().create_connect_args(parsed)[1] == arguments


@pytest.mark.parametrize("url", ["mysql://db/chat", "db/chat", "postgresql://a:x,b:1/chat"])
def test_what_is_no_url_of_a_known_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"not like "):
        sqlalchemy_url(url)
