"""Create example users and conversations: ``python -m deploy.demo``, or ``make demo``.

It uses the public API, prints the logins, and can be repeated: e-mail addresses are new.
"""

import argparse
import base64
import io
import sys
import uuid

from ims_client import Client, RefusedError, UnreachableError
from PIL import Image, ImageDraw

PASSWORD = "demo_1"
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


def main() -> int:
    """Create the demo data, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="of the gateway")
    base_url: str = parser.parse_args().url.rstrip("/")
    try:
        emails = create_demo(base_url)
    except (RefusedError, UnreachableError) as problem:
        sys.stderr.write(f"{problem}\nIs it running? make run starts it.\n")
        return 1
    sys.stdout.write(f"Open {base_url}/ and sign in; the password of all is {PASSWORD}\n")
    for name, email in emails.items():
        sys.stdout.write(f"  {email}  {name}\n")
    return 0


def create_demo(base_url: str) -> dict[str, str]:
    """Create users, friendships, a group and messages.

    Returns:
        the e-mail address of each user, by name.

    Raises:
        RefusedError: a response is an error.
        UnreachableError: there was no response.
    """
    run = uuid.uuid4().hex[:6]
    emails = {name: f"{word}-{run}@example.com" for name, word, _ in _PEOPLE}
    users = {}
    for name, word, colour in _PEOPLE:
        users[word] = user = Client.register(base_url, emails[name], PASSWORD, name)
        avatar = _data_uri(_landscape(colour, (256, 256)))
        user.put("/account/info", origin_password=PASSWORD, avatar=avatar).result()
    alice, *friends = users.values()
    for friend in friends:
        friend.send_friend_request(alice.id)
        alice.accept_friend_request(friend.id)
    _fill_private_conversation(users)
    _fill_group(users)
    erin = Client.register(base_url, f"erin-{run}@example.com", PASSWORD, "Erin")
    erin.send_friend_request(alice.id, "Hi, we met at the tea house!")
    return emails


def _fill_private_conversation(users: dict[str, Client]) -> None:
    alice, bob, *_ = users.values()
    chat = alice.get_private_conversation(bob.id).id
    for word, content in _PRIVATE:
        users[word].send_text(chat, content)
    bob.mark_read(chat)
    bob.send_text(chat, "Already in my bag.")


def _fill_group(users: dict[str, Client]) -> None:
    alice, bob, carol, daniel = users.values()
    group = alice.create_group("周末爬山 ⛰️", [bob.id, carol.id, daniel.id])
    here = {"conversation_id": group}
    avatar = _data_uri(_landscape((63, 125, 32), (256, 256)))
    alice.post("/conversations/manage/info", **here, avatar=avatar).result()
    alice.post("/conversations/manage/admin", **here, user=carol.id).result()
    sent = [users[word].send_text(group, content).message_id for word, content in _TALK]
    carol.send_image(group, _landscape((180, 69, 15), (960, 600)))
    daniel.send_text(group, "See you there!", reply_to_id=sent[4])
    content = "周六 8:00 地铁站集合，请带好水和雨衣。\nSaturday at 8 at the station."
    alice.post("/conversations/manage/notifications", **here, content=content).result()
    alice.post("/interface", **here, ontop=True).result()


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
