"""Rate limits of the auth service: codes, failed logins and registrations."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from auth_service import errors
from auth_service.db import db
from auth_service.domain import passwords
from auth_service.domain.limits import counters
from auth_service.models import LimitCounter
from auth_service.tests.factories import BOB, PASSWORD, email_of, make_account
from shared.server.offload import cpu_pool
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.races import run_concurrently
from shared.testing.redis import RedisServer, redis_server
from shared.web.errors import SERVICE_UNAVAILABLE, TOO_MANY_REQUESTS, ApiError, ErrorSpec

HERE, THERE = "192.0.2.1", "192.0.2.2"
ALICE_AT, WRONG = email_of("alice"), "wrong"

Limited = Callable[..., ApiClient]


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(params=["in memory", "in Redis"])
def limited(
    request: pytest.FixtureRequest, configured: Callable[..., ApiClient], redis: RedisServer
) -> Limited:
    """A client without a token of a service with rate limits."""
    if request.param == "in memory":
        return lambda **settings: configured(RATE_LIMITS="on", **settings)
    redis.empty()
    return lambda **settings: configured(RATE_LIMITS="on", REDIS_URL=redis.url, **settings)


def _login(
    client: ApiClient, password: str = WRONG, email: str = ALICE_AT, address: str = HERE
) -> Reply:
    credentials = {"email": email, "password": password}
    return client.post("/account/login", json=credentials, headers={"X-Forwarded-For": address})


def _sign_in_from(client: ApiClient, address: str) -> None:
    assert _login(client, PASSWORD, address=address).status_code == 200


def _register(
    client: ApiClient, email: str, address: str = HERE, password: str = PASSWORD
) -> Reply:
    person = {"email": email, "name": "N", "password": password}
    return client.post("/account/reg", json=person, headers={"X-Forwarded-For": address})


def test_guessing_one_password_from_one_address_ends_soon(
    alice: ApiClient, limited: Limited
) -> None:
    service = limited(RATE_LIMIT_FAILED_LOGINS="2/minute or 1/hour")

    for _ in range(3):
        assert_error(_login(service), errors.WRONG_PASSWORD)

    assert_error(_login(service), TOO_MANY_REQUESTS)
    assert_error(_login(service, PASSWORD), TOO_MANY_REQUESTS)


def test_a_guesser_does_not_lock_out_who_comes_from_elsewhere(
    alice: ApiClient, limited: Limited
) -> None:
    service = limited(RATE_LIMIT_FAILED_LOGINS="1/minute")
    _login(service)
    assert_error(_login(service), TOO_MANY_REQUESTS)
    assert _login(service, PASSWORD, address=THERE).status_code == 200


def test_a_guesser_does_not_lock_out_others_at_the_same_address(
    alice: ApiClient, bob: ApiClient, limited: Limited
) -> None:
    service = limited(RATE_LIMIT_FAILED_LOGINS="1/minute")
    _login(service)
    assert_error(_login(service), TOO_MANY_REQUESTS)
    assert _login(service, PASSWORD, email_of("bob")).status_code == 200


def test_guessing_one_password_from_many_addresses_ends_as_well(
    alice: ApiClient, limited: Limited
) -> None:
    service = limited(RATE_LIMIT_FAILED_LOGINS_EMAIL="2/minute")
    for last in range(2):
        assert_error(_login(service, address=f"198.51.100.{last}"), errors.WRONG_PASSWORD)
    assert_error(_login(service, address=THERE), TOO_MANY_REQUESTS)


def test_guessing_from_many_addresses_does_not_lock_out_who_signed_in_before(
    alice: ApiClient, limited: Limited
) -> None:
    service = limited(RATE_LIMIT_FAILED_LOGINS_EMAIL="2/minute")
    _sign_in_from(service, HERE)
    for last in range(4):
        _login(service, address=f"198.51.100.{last}")
    assert_error(_login(service, PASSWORD, address=THERE), TOO_MANY_REQUESTS)
    assert _login(service, PASSWORD, address=HERE).status_code == 200


def test_an_account_is_guessed_at_twice_as_often_as_the_limit_says_at_most(
    alice: ApiClient, limited: Limited
) -> None:
    service = limited(RATE_LIMIT_FAILED_LOGINS_EMAIL="5/hour", RATE_LIMIT_FAILED_LOGINS="2/hour")
    for last in range(4):
        _sign_in_from(service, f"192.0.2.{last}")
    responses = [
        _login(service, address=f"{network}.{last}").status_code
        for network in ("192.0.2", "198.51.100")
        for last in range(4)
        for _ in range(3)
    ]
    assert responses.count(401) == 10


@pytest.mark.parametrize(
    ("rates", "answered"),
    [("2/minute or 1/hour", 3), ("2/minute and 5/hour", 2), ("5/minute and 2/hour", 2)],
)
def test_a_limit_means_what_it_says(
    alice: ApiClient, limited: Limited, rates: str, answered: int
) -> None:
    service = limited(RATE_LIMIT_FAILED_LOGINS=rates)
    assert [_login(service).status_code for _ in range(5)].count(401) == answered


def test_what_is_limited_by_the_hour_is_remembered_by_every_process(
    alice: ApiClient, limited: Limited
) -> None:
    for _ in range(2):
        service = limited(RATE_LIMIT_FAILED_LOGINS="9/minute and 2/hour")
        assert_error(_login(service), errors.WRONG_PASSWORD)
    refusal = _login(limited(RATE_LIMIT_FAILED_LOGINS="9/minute and 2/hour"))
    assert_error(refusal, TOO_MANY_REQUESTS)
    assert 3500 < int(refusal.headers["Retry-After"]) <= 3600


def test_attempts_with_the_right_password_are_limited_too(
    alice: ApiClient, limited: Limited
) -> None:
    service = limited(RATE_LIMIT_LOGINS="3/minute")
    for _ in range(3):
        _sign_in_from(service, HERE)
    assert_error(_login(service, PASSWORD), TOO_MANY_REQUESTS)
    _sign_in_from(service, THERE)


def test_who_changes_an_account_learns_of_few_addresses_whether_they_are_known(
    app: Flask, alice: ApiClient, bob: ApiClient, limited: Limited
) -> None:
    service = ApiClient(limited(RATE_LIMIT_EMAIL_CHECKS="2/hour").app, alice.token)

    def wants(email: str) -> Reply:
        change = {"origin_password": PASSWORD, "email": email, "password": "not legal!"}
        return service.put("/account/info", json=change)

    assert_error(wants(email_of("bob")), errors.USER_EXISTS)
    assert_error(wants(email_of("alice")), errors.INVALID_PASSWORD)
    assert_error(wants(email_of("unknown")), errors.INVALID_PASSWORD)
    assert_error(wants(email_of("bob")), TOO_MANY_REQUESTS)
    assert_error(wants(email_of("alice")), errors.INVALID_PASSWORD)


def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds, for ten seconds at most."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class HashingClients:
    """Threads that run or wait in a queue of hashes; each runs until it is ended."""

    def __init__(self, queue: passwords.HashQueue) -> None:
        self._queue = queue
        self._threads: list[threading.Thread] = []
        self._done = threading.Semaphore(0)
        self.served: list[str] = []

    def add(self, *networks: str) -> None:
        """Add clients of these networks, one after another."""
        for network in networks:
            thread = threading.Thread(target=self._hash, args=(network,))
            self._threads.append(thread)
            thread.start()
            until(lambda: self._queue._queue._counts.total() == len(self._threads))

    def end(self, count: int) -> None:
        """End a number of running hashes."""
        self._done.release(count)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _hash(self, network: str) -> None:
        with self._queue.place(network):
            self.served.append(network)
            self._done.acquire()


def _refused(queue: passwords.HashQueue, network: str) -> tuple[ErrorSpec, Mapping[str, str]]:
    with pytest.raises(ApiError) as refusal, queue.place(network):
        pass
    return refusal.value.spec, refusal.value.headers


def test_a_network_has_few_hashes_and_delays_no_other_by_more_than_one() -> None:
    queue = passwords.HashQueue()
    clients = HashingClients(queue)
    clients.add(*[HERE] * 16)

    assert _refused(queue, HERE) == (TOO_MANY_REQUESTS, {"Retry-After": "1"})
    clients.add(THERE)
    assert clients.served == [HERE, HERE]
    clients.end(1)
    until(lambda: len(clients.served) == 3)
    assert clients.served[2] == THERE

    clients.end(16)
    clients.join()
    with queue.place(HERE):
        pass


def test_a_changed_password_is_hashed_in_the_turn_of_the_clients_network(
    alice: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks: list[str] = []
    place = passwords.queue.place

    def noted(network: str) -> AbstractContextManager[None]:
        networks.append(network)
        return place(network)

    monkeypatch.setattr(passwords.queue, "place", noted)
    change = {"origin_password": PASSWORD, "password": "pass_word2"}

    reply = alice.put("/account/info", json=change, headers={"X-Forwarded-For": HERE})

    assert reply.status_code == 200
    assert networks == [HERE, HERE]  # Of the verification and of the hash.


def test_few_wait_for_a_hash_at_once() -> None:
    queue = passwords.HashQueue()
    clients = HashingClients(queue)
    clients.add(*(f"192.0.2.{number}" for number in range(64)))

    assert _refused(queue, "198.51.100.1") == (SERVICE_UNAVAILABLE, {"Retry-After": "1"})

    clients.end(64)
    clients.join()


def test_nothing_holds_a_connection_while_a_password_is_hashed(
    alice: ApiClient, anonymous: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_use: list[int] = []
    run = cpu_pool.run

    def noted(work: Callable[..., Any], *args: Any) -> Any:
        def counted(*args: Any) -> Any:
            pool: Any = db.engine.pool
            in_use.append(pool.checkedout())
            return work(*args)

        return run(counted, *args)

    monkeypatch.setattr(cpu_pool, "run", noted)
    _login(anonymous, PASSWORD)
    _register(anonymous, email_of("ann"))
    alice.put("/account/info", json={"origin_password": PASSWORD, "password": "another_1"})
    alice.delete("/account/delete")
    _register(anonymous, ALICE_AT, password="another_1")
    assert in_use == [0] * 5


def test_counters_in_redis_expire(
    alice: ApiClient, configured: Callable[..., ApiClient], redis: RedisServer
) -> None:
    redis.empty()
    service = configured(RATE_LIMITS="on", REDIS_URL=redis.url)
    _login(service)
    _login(service, PASSWORD)
    client = Redis.from_url(redis.url)
    assert client.dbsize()
    assert [key for key in client.scan_iter() if client.pttl(key) < 0] == []


def test_counters_in_the_database_expire(app: Flask, configured: Callable[..., ApiClient]) -> None:
    service = configured(RATE_LIMITS="on", REDIS_URL="")
    _login(service)
    with app.app_context():
        with db.transaction():
            assert db.session.query(LimitCounter).update({"expires_at": 1.0}) == 3
        counters.delete_expired()
        assert db.session.query(LimitCounter).count() == 0


def test_trying_many_accounts_from_one_address_ends_as_well(
    alice: ApiClient, limited: Limited
) -> None:
    service = limited(RATE_LIMIT_FAILED_LOGINS_ADDRESS="2/minute")
    for name in ("unknown", "no_one"):
        assert_error(_login(service, email=email_of(name)), errors.USER_NOT_FOUND)
    assert_error(_login(service), TOO_MANY_REQUESTS)
    assert_error(_login(service, address=THERE), errors.WRONG_PASSWORD)


def test_an_unknown_address_is_limited_like_a_known_one(limited: Limited) -> None:
    service = limited(RATE_LIMIT_FAILED_LOGINS="1/minute")
    assert_error(_login(service), errors.USER_NOT_FOUND)
    assert_error(_login(service), TOO_MANY_REQUESTS)


def test_who_knows_the_password_is_never_refused(alice: ApiClient, limited: Limited) -> None:
    service = limited(
        RATE_LIMIT_FAILED_LOGINS="1/hour",
        RATE_LIMIT_FAILED_LOGINS_EMAIL="1/hour",
        RATE_LIMIT_FAILED_LOGINS_ADDRESS="1/hour",
    )
    assert [_login(service, PASSWORD).status_code for _ in range(5)] == [200] * 5


def test_a_refused_try_costs_no_hashing(
    alice: ApiClient, limited: Limited, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    verify_password = passwords.verify_password

    def noted(password_hash: str, sent: str, network: str) -> bool:
        tried.append(sent)
        return verify_password(password_hash, sent, network)

    monkeypatch.setattr(passwords, "verify_password", noted)
    service = limited(RATE_LIMIT_FAILED_LOGINS="1/minute")

    for password_attempt in ("first", "second", "third"):
        _login(service, password_attempt)

    assert tried == ["first"]


def test_of_many_guesses_at_once_only_those_within_the_limit_are_answered(
    alice: ApiClient, limited: Limited
) -> None:
    service = limited(RATE_LIMIT_FAILED_LOGINS="2/minute")
    replies = run_concurrently(*[lambda: _login(ApiClient(service.app))] * 6)
    answered = [reply for reply in replies if reply.status_code == 401]
    assert len(answered) == 2


def test_changing_an_account_is_no_way_to_guess(
    app: Flask, alice: ApiClient, limited: Limited
) -> None:
    service = limited(RATE_LIMIT_FAILED_LOGINS="1/minute")
    intruder = ApiClient(service.app, alice.token)
    change = {"origin_password": "wrong", "name": "Mallory"}
    assert_error(intruder.put("/account/info", json=change), errors.WRONG_PASSWORD)
    assert_error(intruder.put("/account/info", json=change), TOO_MANY_REQUESTS)


def test_restoring_an_account_is_no_way_to_guess(app: Flask, limited: Limited) -> None:
    make_account(app, BOB, "Bob", deleted=True, generation=1)
    service = limited(RATE_LIMIT_FAILED_LOGINS="1/minute")
    assert_error(_register(service, email_of("bob"), password="wrong"), errors.USER_EXISTS)
    assert_error(_register(service, email_of("bob")), TOO_MANY_REQUESTS)


def test_one_address_registers_only_so_many(app: Flask, limited: Limited) -> None:
    service = limited(RATE_LIMIT_REGISTRATIONS="2/minute")
    for name in ("ann", "bea"):
        assert _register(service, email_of(name)).status_code == 200
    assert_error(_register(service, email_of("cat")), TOO_MANY_REQUESTS)
    assert _register(service, email_of("cat"), THERE).status_code == 200


def test_what_is_not_well_formed_is_no_registration(app: Flask, limited: Limited) -> None:
    service = limited(RATE_LIMIT_REGISTRATIONS="1/minute")
    assert_error(_register(service, "no address"), errors.INVALID_EMAIL)
    assert _register(service, email_of("ann")).status_code == 200


def test_one_address_has_only_so_many_codes_sent(limited: Limited) -> None:
    service = limited(RATE_LIMIT_VERIFICATION_CODES_ADDRESS="1/minute")
    assert service.post("/verify", json={"email": email_of("ann")}).status_code == 200
    assert_error(service.post("/verify", json={"email": email_of("bea")}), TOO_MANY_REQUESTS)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
    ],
)
def test_a_network_of_ipv6_counts_as_one_address(
    app: Flask, limited: Limited, first: str, second: str
) -> None:
    service = limited(RATE_LIMIT_REGISTRATIONS="1/minute")
    assert _register(service, email_of("ann"), first).status_code == 200
    assert_error(_register(service, email_of("bea"), second), TOO_MANY_REQUESTS)
    assert _register(service, email_of("bea"), "2001:db8:1:3::1").status_code == 200


def test_after_retry_after_there_is_room_again(alice: ApiClient, limited: Limited) -> None:
    service = limited(RATE_LIMIT_FAILED_LOGINS="1/second")
    _login(service)
    refusal = _login(service)
    assert_error(refusal, TOO_MANY_REQUESTS)
    retry_at = time.monotonic() + float(refusal.headers["Retry-After"])
    sent_at = time.monotonic()
    while _login(service, PASSWORD).status_code == 429:
        assert sent_at < retry_at
        time.sleep(0.02)
        sent_at = time.monotonic()


def test_processes_with_one_redis_count_together(
    alice: ApiClient, configured: Callable[..., ApiClient], redis: RedisServer
) -> None:
    settings = {
        "RATE_LIMITS": "on",
        "REDIS_URL": redis.url,
        "RATE_LIMIT_FAILED_LOGINS": "1/minute",
    }
    redis.empty()
    assert_error(_login(configured(**settings)), errors.WRONG_PASSWORD)
    assert_error(_login(configured(**settings)), TOO_MANY_REQUESTS)


def test_without_its_redis_a_process_counts_for_itself(
    alice: ApiClient, configured: Callable[..., ApiClient]
) -> None:
    with redis_server() as redis:
        service = configured(
            RATE_LIMITS="on", REDIS_URL=redis.url, RATE_LIMIT_FAILED_LOGINS="2/minute"
        )
        assert_error(_login(service), errors.WRONG_PASSWORD)
        redis.kill()
        for _ in range(2):
            assert_error(_login(service), errors.WRONG_PASSWORD)
        assert_error(_login(service), TOO_MANY_REQUESTS)


def test_limits_can_be_turned_off(alice: ApiClient, configured: Callable[..., ApiClient]) -> None:
    service = configured(RATE_LIMITS="off", RATE_LIMIT_FAILED_LOGINS="1/hour")
    for _ in range(3):
        assert_error(_login(service), errors.WRONG_PASSWORD)


def test_the_defaults_let_a_person_mistype(alice: ApiClient, limited: Limited) -> None:
    service = limited()
    mistyped = [_login(service).status_code for _ in range(10)]
    assert (set(mistyped), _login(service, PASSWORD).status_code) == ({401}, 200)


def test_the_defaults_let_hundreds_register_from_one_address(
    alice: ApiClient, configured: Callable[..., ApiClient]
) -> None:
    service = configured(RATE_LIMITS="on")
    assert {_register(service, ALICE_AT).status_code for _ in range(200)} == {400}
