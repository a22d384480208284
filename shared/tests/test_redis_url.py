"""URLs of Redis, and the errors of invalid ones."""

import pytest

from shared.redis_url import SentinelUrl, check_redis_url, parse_sentinel_url


@pytest.mark.parametrize("url", ["redis://host", "rediss://user:word@host:1/0"])
def test_the_url_of_one_server_names_no_sentinels(url: str) -> None:
    assert check_redis_url(url) == url
    assert parse_sentinel_url(url) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "redis+sentinel://a:1,b/ims",
            SentinelUrl((("a", 1), ("b", 26379)), "ims", 0, None, None, None, None),
        ),
        (
            "redis+sentinel://u:p%40x@[::1]:2/ims/3?sentinel_username=s&sentinel_password=q",
            SentinelUrl((("::1", 2),), "ims", 3, "u", "p@x", "s", "q"),
        ),
    ],
)
def test_the_url_of_sentinels_is_read(url: str, expected: SentinelUrl) -> None:
    assert parse_sentinel_url(url) == expected


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://host", "is not like redis://"),
        ("redis://", "is not like redis://"),
        ("redis+sentinel://:word@[host/ims", "is not like redis://"),
        ("redis+sentinel://host", "lacks the name of the primary"),
        ("redis+sentinel:///ims", "has a Sentinel that is not host:port"),
        ("redis+sentinel://a:1,b:x/ims", "has a Sentinel that is not host:port"),
        ("redis+sentinel://host/ims/first", "has a database that is no number"),
        ("redis+sentinel://host/ims?db=1", "has a parameter that is not known: db"),
    ],
)
def test_a_wrong_url_is_refused_with_the_reason_and_never_shown(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}") as refusal:
        check_redis_url(url)
    assert "word" not in str(refusal.value)
