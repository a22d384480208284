"""Operations in a conversation: sending, reading, hiding and deleting."""

import hashlib
from typing import Any
from urllib.parse import urlsplit

from ims_client import Message

from tests.chaos.asking import OK
from tests.chaos.citizens import Citizen
from tests.chaos.record import Sent
from tests.client import ApiClient
from tests.pictures import opened, picture

_PATH = "/conversations/messages"
_GONE_ALREADY = (404, -1)
_COLOURS = 256


def send(citizen: Citizen) -> None:
    """Send a text until it is acknowledged."""
    citizen.own.append(send_text(citizen, citizen.person, citizen.somewhere()))


def send_text(citizen: Citizen, speaker: ApiClient, conversation_id: int) -> str:
    """Send a text of a user until it is acknowledged; return the text."""
    text = citizen.new_text()
    body = citizen.insist(
        "POST",
        _PATH,
        speaker.token,
        conversationId=conversation_id,
        content=text,
        client_id=text,
    )
    _was_sent(citizen, text, conversation_id, speaker, body)
    return text


def send_once(citizen: Citizen) -> None:
    """Send a text once, possibly without a response."""
    text, conversation_id = citizen.new_text(), citizen.somewhere()
    status, body = citizen.send(
        "POST", _PATH, citizen.person.token, conversationId=conversation_id, content=text
    )
    if status == OK:
        _was_sent(citizen, text, conversation_id, citizen.person, body)
        citizen.own.append(text)
    else:
        citizen.record.acknowledged("perhaps", text)


def send_picture(citizen: Citizen) -> None:
    """Send an image, and download it."""
    conversation_id = citizen.somewhere()
    sent = picture(seed=citizen.random.randrange(_COLOURS))
    body = citizen.insists(
        "POST",
        "/conversations/image",
        picture=sent,
        conversationId=conversation_id,
        client_id=citizen.new_text(),
    )
    [message] = [
        each for each in read_in(citizen, conversation_id) if each.id == body["message_id"]
    ]
    path = content_of(message)
    received = citizen.picture(path)
    if opened(received).convert("RGB").tobytes() != opened(sent).tobytes():
        citizen.record.is_unkept(f"{path} is another picture than was sent")
    _was_sent(citizen, path, conversation_id, citizen.person, body)
    citizen.record.acknowledged("pictures", path, hashlib.sha256(received).hexdigest())
    citizen.own.append(path)


def content_of(message: Message) -> str:
    """Return the text of a message, or the path of its image."""
    return urlsplit(message.content).path if message.is_image else message.content


def read(citizen: Citizen) -> None:
    """Read all messages of a conversation."""
    read_in(citizen, citizen.somewhere())


def read_in(citizen: Citizen, conversation_id: int) -> list[Message]:
    """Read and return all messages of one conversation."""
    body = citizen.insists("GET", _PATH, conversationId=conversation_id)
    messages = [Message.of(each) for each in body["messages"]]
    seqs = [message.seq for message in messages]
    if seqs:
        citizen.record.acknowledged("read", (citizen.person.id, conversation_id), seqs[-1])
    if seqs != sorted(set(seqs)):
        citizen.record.is_unkept(f"conversation {conversation_id} was read as {seqs}")
    return messages


def hide(citizen: Citizen) -> None:
    """Hide a message of another user."""
    messages = read_in(citizen, citizen.somewhere())
    of_others = [each.id for each in messages if each.sender_id != citizen.person.id]
    if of_others:
        message_id = citizen.random.choice(of_others)
        path = "/conversations/delete_messages"
        citizen.insists("DELETE", path, (_GONE_ALREADY,), message_ids=[message_id])
        citizen.record.acknowledged("hidden", (citizen.person.id, message_id))


def delete(citizen: Citizen) -> None:
    """Delete an own message for all members."""
    if citizen.own:
        text = citizen.own.pop(citizen.random.randrange(len(citizen.own)))
        delete_for_all(citizen, citizen.person, text)


def delete_for_all(citizen: Citizen, remover: ApiClient, text: str) -> None:
    """Delete a message for all members as a user with this right."""
    message_id = citizen.record.sent[text].message_id
    citizen.insist("DELETE", _PATH, remover.token, (_GONE_ALREADY,), message_id=message_id)
    citizen.record.acknowledged("deleted", text)


def _was_sent(
    citizen: Citizen, text: str, conversation_id: int, sender: ApiClient, body: dict[str, Any]
) -> None:
    sent = Sent(conversation_id, sender.id, body["message_id"], body["seq"])
    citizen.record.acknowledged("sent", text, sent)
