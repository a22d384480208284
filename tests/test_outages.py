"""Each service works during outages of the others, and all agree again afterwards."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.client import ApiClient
from tests.cluster import Cluster, running_cluster, until
from tests.factories import (
    befriend,
    list_contents,
    make_friend_group,
    make_group,
    make_private,
    make_user,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("outages"),  # One cluster for all tests.
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A product whose services can be stopped."""
    with running_cluster(tmp_path_factory.mktemp("outages")) as cluster:
        yield cluster


@pytest.fixture
def ann(cluster: Cluster) -> ApiClient:
    """A user."""
    return make_user(cluster.base_url, "Ann")


@pytest.fixture
def ben(cluster: Cluster) -> ApiClient:
    """Another user."""
    return make_user(cluster.base_url, "Ben")


@contextmanager
def without(cluster: Cluster, *programs: str, hung: bool) -> Iterator[None]:
    """Stop or suspend some programs until the block ends."""
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
    cluster: Cluster, ann: ApiClient, ben: ApiClient, hung: bool
) -> None:
    private = make_private(ann, ben)

    with without(cluster, "auth_service", "social_service", hung=hung):
        ann.send_text(private, "hello")
        assert ben.get_conversation(private).unread_count == 1
        assert list_contents(ben, private) == ["hello"]
        group = make_group(ann, ben)
        ben.send_text(group, "all of you")
        assert list_contents(ann, group) == ["all of you"]


@either_way
def test_social_makes_friends_without_auth_and_chat_and_chat_hears_of_it_later(
    cluster: Cluster, ann: ApiClient, ben: ApiClient, hung: bool
) -> None:
    with without(cluster, "auth_service", "chat_service", hung=hung):
        befriend(ann, ben)
        make_friend_group(ann, "Family", ben)
        assert [each["id"] for each in ben.get("/friends").result()["friends"]] == [ann.id]
        assert ann.get("/search_user", query_name="Ben").result()["results"] != []

    until(lambda: [each.friend_id for each in ann.list_conversations()] == [ben.id])
    ann.send_text(ben.get_private_conversation(ann.id).id, "at last")


@either_way
def test_auth_signs_up_and_renames_without_the_others_who_hear_of_it_later(
    cluster: Cluster, ann: ApiClient, ben: ApiClient, hung: bool
) -> None:
    befriend(ann, ben)

    with without(cluster, "social_service", "chat_service", hung=hung):
        cid = make_user(cluster.base_url, "Cid").sign_in()
        ben.put("/account/info", origin_password=ben.password, name="Benjamin").result()
        assert ben.get("/account/info").result()["name"] == "Benjamin"

    until(lambda: [each.name for each in ann.list_conversations()] == ["Benjamin"])
    until(
        lambda: [each["name"] for each in ann.get("/friends").result()["friends"]] == ["Benjamin"]
    )
    cid.send_friend_request(ann.id)
    ann.accept_friend_request(cid.id)
    assert {each.name for each in ann.list_conversations()} == {"Benjamin", "Cid"}
