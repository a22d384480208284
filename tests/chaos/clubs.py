"""Management of groups: roles, ownership, members and deletion of messages."""

from tests.chaos.citizens import Citizen
from tests.chaos.talking import delete_for_all, send_text
from tests.client import ApiClient

OWNER, ADMIN, MEMBER = 1, 2, 3
_IS_SO_ALREADY = (403, 3)
_OWNER_NO_MORE = (403, -3)
_OUT_ALREADY = (400, 1)
_WAITS_ALREADY, _IN_ALREADY = (403, -5), (403, -3)
_HANDLED_ALREADY = (403, -4)


def run_club(citizen: Citizen) -> None:
    """Change a member of the club, or add a missing one."""
    roles = citizen.record.roles[citizen.club.id]
    [owner] = [person for id_, person in citizen.club.people.items() if roles.get(id_) == OWNER]
    other = citizen.random.choice([each for each in citizen.club.people.values() if each != owner])
    if other.id in roles:
        operation = citizen.random.choice([_speak, _change_role, _hand_over, _leave, _remove])
        operation(citizen, owner, other)
    else:
        _let_in(citizen, owner, other)


def _speak(citizen: Citizen, owner: ApiClient, other: ApiClient) -> None:
    """Send two messages of a member; the owner deletes one."""
    for _ in range(2):
        text = send_text(citizen, other, citizen.club.id)
    delete_for_all(citizen, owner, text)


def _change_role(citizen: Citizen, owner: ApiClient, other: ApiClient) -> None:
    was_admin = citizen.record.roles[citizen.club.id][other.id] == ADMIN
    method, role = ("DELETE", MEMBER) if was_admin else ("POST", ADMIN)
    citizen.insist(
        method,
        "/conversations/manage/admin",
        owner.token,
        (_IS_SO_ALREADY,),
        conversation_id=citizen.club.id,
        user=other.id,
    )
    _are_now(citizen, {other.id: role})


def _hand_over(citizen: Citizen, owner: ApiClient, other: ApiClient) -> None:
    citizen.insist(
        "POST",
        "/conversations/manage/ownership_transfer",
        owner.token,
        (_OWNER_NO_MORE,),
        conversation_id=citizen.club.id,
        user=other.id,
    )
    _are_now(citizen, {owner.id: MEMBER, other.id: OWNER})


def _leave(citizen: Citizen, _: ApiClient, other: ApiClient) -> None:
    path = "/conversations/member/remove"
    citizen.insist("POST", path, other.token, (_OUT_ALREADY,), conversation_id=citizen.club.id)
    _are_now(citizen, {}, without=other)


def _remove(citizen: Citizen, owner: ApiClient, other: ApiClient) -> None:
    citizen.insist(
        "DELETE",
        "/conversations/member/remove",
        owner.token,
        (_OUT_ALREADY,),
        conversation_id=citizen.club.id,
        user=other.id,
    )
    _are_now(citizen, {}, without=other)


def _let_in(citizen: Citizen, owner: ApiClient, other: ApiClient) -> None:
    citizen.insist(
        "POST",
        "/conversations/member/add",
        owner.token,
        (_WAITS_ALREADY, _IN_ALREADY),
        conversationId=citizen.club.id,
        member_id=other.id,
    )
    path = f"/conversations/{citizen.club.id}/invitation"
    invitation = citizen.insist("GET", path, owner.token)["invitation"][0]
    citizen.insist(
        "POST",
        "/conversations/manage/handle_invitation",
        owner.token,
        (_HANDLED_ALREADY,),
        invite_id=invitation["invite_id"],
    )
    _are_now(citizen, {other.id: MEMBER})


def _are_now(citizen: Citizen, changed: dict[int, int], without: ApiClient | None = None) -> None:
    roles = citizen.record.roles[citizen.club.id] | changed
    if without:
        del roles[without.id]
    citizen.record.acknowledged("roles", citizen.club.id, roles)
