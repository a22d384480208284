"""Create example users and conversations: ``python -m deploy.demo``, or ``make demo``.

It uses the public API, prints the logins, and can be repeated: e-mail addresses are new.
"""

import argparse
import base64
import io
import sys
import uuid
from typing import Any

import requests
from PIL import Image, ImageDraw

PASSWORD = "demo_1"
_TIMEOUT_SECONDS = 30
_PEOPLE = (
    ("爱丽丝", "alice", (79, 91, 213)),
    ("Bob", "bob", (15, 118, 110)),
    ("Carol 陈", "carol", (190, 24, 93)),
    ("Daniel", "daniel", (180, 69, 15)),
)
_TALK = (
    ("alice", "周末去爬山怎么样？"),
    ("bob", "Great idea! Which mountain?"),
    ("carol", "香山吧，枫叶正红。"),
    ("daniel", "I can drive. Four seats, so we all fit."),
    ("alice", "太好了！那周六早上八点，地铁站见。"),
    ("bob", "I will bring tea and something sweet 🍵"),
)
_PRIVATE = (
    ("bob", "Did you book the table for Friday?"),
    ("alice", "订好了，七点，靠窗的位置。"),
    ("bob", "Perfect, thank you!"),
    ("alice", "别忘了带上次说的那本书 📚"),
)


class DemoError(Exception):
    """A request of the demo failed."""


class Account:
    """A user of the demo."""

    def __init__(self, base_url: str, name: str, email: str) -> None:
        self._base_url = base_url
        self._session = requests.Session()
        self._session.trust_env = False
        self.name, self.email = name, email
        created = self.call("POST", "/account/reg", name=name, email=email, password=PASSWORD)
        self.id: int = created["id"]
        self._session.headers["Authorization"] = created["token"]

    def call(self, method: str, path: str, **fields: Any) -> dict[str, Any]:
        """Call the API with JSON.

        Raises:
            DemoError: the response is an error.
        """
        return self._send(method, path, json=fields)

    def send_image(self, conversation_id: int, image: bytes) -> None:
        """Send an image."""
        form = {"conversationId": str(conversation_id)}
        files = {"image": ("picture.png", image)}
        self._send("POST", "/conversations/image", data=form, files=files)

    def _send(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        url = self._base_url + path
        try:
            response = self._session.request(method, url, timeout=_TIMEOUT_SECONDS, **request)
            answer: dict[str, Any] = response.json()
        except requests.RequestException as error:
            raise DemoError(f"{method} {path}: {error}") from None
        if response.status_code != 200:
            raise DemoError(f"{method} {path}: {answer['info']}")
        return answer


def main() -> int:
    """Create the demo data, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="of the gateway")
    base_url: str = parser.parse_args().url.rstrip("/")
    try:
        people = create_demo(base_url)
    except DemoError as problem:
        sys.stderr.write(f"{problem}\nIs it running? make run starts it.\n")
        return 1
    sys.stdout.write(f"Open {base_url}/ and sign in; the password of all is {PASSWORD}\n")
    for person in people.values():
        sys.stdout.write(f"  {person.email}  {person.name}\n")
    return 0


def create_demo(base_url: str) -> dict[str, Account]:
    """Create users, friendships, a group and messages, and return the users by name.

    Raises:
        DemoError: a response is an error.
    """
    run = uuid.uuid4().hex[:6]
    people: dict[str, Account] = {}
    for name, word, colour in _PEOPLE:
        people[word] = person = Account(base_url, name, f"{word}-{run}@example.com")
        avatar = _data_uri(_landscape(colour, (256, 256)))
        person.call("PUT", "/account/info", origin_password=PASSWORD, avatar=avatar)
    alice, bob, carol, daniel = people.values()
    for friend in (bob, carol, daniel):
        _befriend(alice, friend)
    _private_talk(alice, bob)
    _group_talk(people)
    erin = Account(base_url, "Erin", f"erin-{run}@example.com")
    erin.call("POST", "/add_friend", target_id=alice.id, message="Hi, we met at the tea house!")
    return people


def _befriend(one: Account, other: Account) -> None:
    other.call("POST", "/add_friend", target_id=one.id)
    ids = {"sender_user_id": other.id, "receiver_user_id": one.id}
    one.call("POST", "/friend_request_handle", **ids)


def _send_text(person: Account, conversation_id: int, content: str, **more: Any) -> int:
    sent = person.call(
        "POST", "/conversations/messages", conversationId=conversation_id, content=content, **more
    )
    message_id: int = sent["message_id"]
    return message_id


def _private_talk(alice: Account, bob: Account) -> None:
    listed = alice.call("GET", "/conversations")["conversation"]
    [chat] = [each["id"] for each in listed if each["friend_id"] == bob.id]
    for word, content in _PRIVATE:
        _send_text({"alice": alice, "bob": bob}[word], chat, content)
    bob.call("GET", "/conversations/messages", conversationId=chat)
    _send_text(bob, chat, "Already in my bag.")


def _group_talk(people: dict[str, Account]) -> None:
    alice, bob, carol, daniel = people.values()
    members = [bob.id, carol.id, daniel.id]
    group = alice.call("POST", "/conversations", members=members, name="周末爬山 ⛰️")
    group_id: int = group["conversation_id"]
    where = {"conversation_id": group_id}
    avatar = _data_uri(_landscape((63, 125, 32), (256, 256)))
    alice.call("POST", "/conversations/manage/info", **where, avatar=avatar)
    alice.call("POST", "/conversations/manage/admin", **where, user=carol.id)
    message_ids = [_send_text(people[word], group_id, content) for word, content in _TALK]
    carol.send_image(group_id, _landscape((180, 69, 15), (960, 600)))
    _send_text(daniel, group_id, "See you there!", reply_to=message_ids[4])
    content = "周六 8:00 地铁站集合，请带好水和雨衣。\nSaturday at 8 at the station."
    alice.call("POST", "/conversations/manage/notifications", **where, content=content)
    alice.call("POST", "/interface", conversationId=group_id, ontop=True)


def _landscape(colour: tuple[int, int, int], size: tuple[int, int]) -> bytes:
    """Draw hills below a sky, in shades of a colour."""
    width, height = size
    image = Image.new("RGB", size)
    draw = ImageDraw.Draw(image)
    for y in range(height):
        share = y / height
        tone = [round(255 - (255 - part) * (0.15 + 0.45 * share)) for part in colour]
        draw.line((0, y, width, y), fill=tuple(tone))
    sun = (width * 0.62, height * 0.14, width * 0.62 + height * 0.2, height * 0.34)
    draw.ellipse(sun, fill=(255, 244, 214))
    for number, top in enumerate((0.5, 0.62, 0.76)):
        shade = tuple(round(part * (1 - number * 0.25)) for part in colour)
        heights = (top + 0.12 * ((step + number) % 2) for step in range(7))
        peaks = [(width * step / 6, height * each) for step, each in enumerate(heights)]
        draw.polygon([(0, height), *peaks, (width, height)], fill=shade)
    output = io.BytesIO()
    image.save(output, "PNG")
    return output.getvalue()


def _data_uri(image: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


if __name__ == "__main__":
    sys.exit(main())
