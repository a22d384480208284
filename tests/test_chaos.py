"""A short trial on each column: whatever goes wrong, what was acknowledged holds."""

from collections.abc import Iterator

import pytest

from tests.chaos import checker
from tests.chaos.arena import COLUMNS
from tests.chaos.trial import Trial, tried
from tests.people import PASSWORD, done, newcomer, send

_SECONDS = 15.0
_SEED = 7

pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("chaos")]


@pytest.fixture(scope="module", params=COLUMNS)
def trial(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trial]:
    """A product that has been through it all."""
    folder = tmp_path_factory.mktemp("chaos")
    with tried(folder, request.param, _SECONDS, _SEED) as trial:
        yield trial


def test_everything_is_as_people_were_told(trial: Trial) -> None:
    assert trial.violations() == []
    assert trial.faults.total() > 0
    assert trial.record.sent.keys() > trial.record.deleted


def test_what_is_not_as_people_were_told_is_found(trial: Trial) -> None:
    citizen = trial.town.citizens[0]
    person, acquaintance = citizen.person, citizen.acquaintance
    here = citizen.conversation_ids[0]
    kept = {
        text: trial.record.sent[text] for text in trial.record.sent.keys() - trial.record.deleted
    }
    lost, *_ = (text for text, sent in kept.items() if sent.sender_id == person.id)
    leaver = newcomer(trial.cluster.base_url, "Leaver")
    trial.record.acknowledged("accounts", leaver.email, leaver.id)

    done(person.delete("/conversations/messages", message_id=kept[lost].message_id))
    for _ in range(2):
        send(person, here, "Twice")
    done(person.post("/interface", conversation_id=here, unreads=999))
    trial.record.acknowledged(
        "friends",
        (person.id, acquaintance.id),
        not trial.record.friends[person.id, acquaintance.id],
    )
    done(person.put("/account/info", origin_password=PASSWORD, name="Somebody else"))
    done(leaver.delete("/account/delete"))

    found = "\n".join(checker.broken_words(trial.cluster, trial.record, trial.town))
    assert f"{lost!r} was acknowledged as" in found
    assert "'Twice' is there 2 times" in found
    assert "'Twice' was sent by nobody" in found
    assert f"unread to {person.name}" in found
    assert f"{person.name} and {acquaintance.name}: friends should be" in found
    assert f"{person.name} is called 'Somebody else'" in found
    assert f"account {leaver.id} cannot sign in" in found
