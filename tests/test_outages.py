"""Each service goes on with the others gone or hung, and all agree again when they are back."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.cluster import Cluster, running_cluster, until
from tests.people import (
    Person,
    accept,
    befriend,
    contents,
    conversation,
    conversations,
    done,
    make_friend_group,
    make_group,
    newcomer,
    private_chat,
    send,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(150),
    pytest.mark.xdist_group("outages"),  # One cluster for all.
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A product whose services may go."""
    with running_cluster(tmp_path_factory.mktemp("outages")) as cluster:
        yield cluster


@pytest.fixture
def ann(cluster: Cluster) -> Person:
    """Somebody."""
    return newcomer(cluster.base_url, "Ann")


@pytest.fixture
def ben(cluster: Cluster) -> Person:
    """Somebody else."""
    return newcomer(cluster.base_url, "Ben")


@contextmanager
def without(cluster: Cluster, *programs: str, hung: bool) -> Iterator[None]:
    """Have some programs not answer as long as the block lasts."""
    replicas = [cluster.of(program)[0] for program in programs]
    with ExitStack() as stack:
        for replica in replicas:
            if hung:
                stack.enter_context(replica.frozen())
            else:
                stack.callback(replica.wait_until_ready)
                stack.callback(replica.begin)
                replica.kill()
        yield


either_way = pytest.mark.parametrize("hung", [False, True], ids=["gone", "hung"])


@either_way
def test_chat_reads_and_sends_without_auth_and_social(
    cluster: Cluster, ann: Person, ben: Person, hung: bool
) -> None:
    befriend(ann, ben)
    private = private_chat(ann, ben)

    with without(cluster, "auth_service", "social_service", hung=hung):
        send(ann, private, "hello")
        assert conversation(ben, private)["unread_count"] == 1
        assert contents(ben, private) == ["hello"]
        group = make_group(ann, ben)
        send(ben, group, "all of you")
        assert contents(ann, group) == ["all of you"]


@either_way
def test_social_makes_friends_without_auth_and_chat_and_chat_hears_of_it_later(
    cluster: Cluster, ann: Person, ben: Person, hung: bool
) -> None:
    with without(cluster, "auth_service", "chat_service", hung=hung):
        befriend(ann, ben)
        make_friend_group(ann, "Family", ben)
        assert [each["id"] for each in done(ben.get("/friends"))["friends"]] == [ann.id]
        assert done(ann.get("/search_user", query_name="Ben"))["results"] != []

    until(lambda: [each["friend_id"] for each in conversations(ann)] == [ben.id])
    send(ann, private_chat(ben, ann), "at last")


@either_way
def test_auth_signs_up_and_renames_without_the_others_who_hear_of_it_later(
    cluster: Cluster, ann: Person, ben: Person, hung: bool
) -> None:
    befriend(ann, ben)

    with without(cluster, "social_service", "chat_service", hung=hung):
        cid = newcomer(cluster.base_url, "Cid").log_in()
        done(ben.put("/account/info", origin_password=ben.password, name="Benjamin"))
        assert done(ben.get("/account/info"))["name"] == "Benjamin"

    until(lambda: [each["name"] for each in conversations(ann)] == ["Benjamin"])
    until(lambda: [each["name"] for each in done(ann.get("/friends"))["friends"]] == ["Benjamin"])
    done(cid.post("/add_friend", target_id=ann.id))
    accept(ann, cid)
    assert {each["name"] for each in conversations(ann)} == {"Benjamin", "Cid"}
