"""A short trial on each column: acknowledged responses hold under faults."""

from collections.abc import Iterator

import pytest
from ims_client import Message

from tests.chaos import checker
from tests.chaos.arena import COLUMNS
from tests.chaos.trial import Trial, tried
from tests.client import PASSWORD, ApiClient
from tests.factories import make_user

_SECONDS = 15.0
_SEED = 7

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.xdist_group("chaos")]


@pytest.fixture(scope="module", params=COLUMNS)
def trial(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trial]:
    """A product after all faults."""
    folder = tmp_path_factory.mktemp("chaos")
    with tried(folder, request.param, _SECONDS, _SEED) as trial:
        yield trial


def test_everything_is_as_people_were_told(trial: Trial) -> None:
    assert trial.violations() == []
    assert trial.faults.total() > 0
    assert trial.record.sent.keys() > trial.record.deleted


def test_what_is_not_as_people_were_told_is_found(trial: Trial) -> None:
    record, town = trial.record, trial.town
    citizen = town.citizens[0]
    person, acquaintance = citizen.person, citizen.acquaintance
    lost, here = a_text_of(person, trial)
    seen = a_message_to(person, trial)
    shown = min(record.pictures.keys() - record.deleted)
    follower = town.followers[0]
    followed = min(follower.screens)
    leaver = make_user(trial.cluster.base_url, "Leaver")
    record.acknowledged("accounts", leaver.email, leaver.id)

    person.delete_message(record.sent[lost].message_id)
    for _ in range(2):
        person.send_text(here, "Twice")
    person.hide_messages([seen.id])
    person.post("/interface", conversation_id=here, unreads=999).result()
    record.acknowledged("pictures", shown, "the digest of another picture")
    follower.screens[followed].pop()
    record.acknowledged("roles", citizen.club.id, {person.id: 3})
    pair = (person.id, acquaintance.id)
    record.acknowledged("friends", pair, not record.friends[pair])
    person.put("/account/info", origin_password=PASSWORD, name="Another name").result()
    leaver.delete("/account/delete").result()

    words = "\n".join(checker.broken_words(trial.cluster, record, town))
    assert f"{lost!r} was acknowledged as" in words
    assert "'Twice' is there 2 times" in words
    assert "'Twice' was never sent" in words
    assert f"conversation {seen.conversation_id}: {person.name} sees other messages" in words
    assert f"unread to {person.name}" in words
    assert f"{shown} is not the picture" in words
    assert f"conversation {followed}: {follower.person.name} has followed in vain" in words
    assert f"club {citizen.club.id}: {person.name} does not see the roles" in words
    assert f"{person.name} and {acquaintance.name}: friends should be" in words
    assert f"{person.name} is called 'Another name'" in words
    assert f"account {leaver.id} cannot sign in" in words


def a_message_to(person: ApiClient, trial: Trial) -> Message:
    """Find a message of another user to a person."""
    return next(
        each
        for conversation_id, people in trial.town.conversations.items()
        if person in people
        for each in person.list_messages(conversation_id).messages
        if each.sender_id != person.id
    )


def a_text_of(person: ApiClient, trial: Trial) -> tuple[str, int]:
    """Find a text that a person has sent and not deleted, and its conversation."""
    return next(
        (text, sent.conversation_id)
        for text, sent in trial.record.sent.items()
        if sent.sender_id == person.id
        and sent.conversation_id in trial.town.conversations
        and text not in trial.record.deleted
    )
