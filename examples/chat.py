"""Talk in a terminal: python examples/chat.py --help, and /help inside."""

import argparse
import getpass
import os
import sys
import threading
from collections.abc import Callable
from itertools import chain, takewhile

import ims_client as ims
import terminal
from terminal import BOLD, DIM, RED, YELLOW, colour_of, echo, fit, in_colour

CONNECTED = "Connected   /help   /quit"


class Chat:
    """The user of a terminal. Live events arrive in a separate thread."""

    def __init__(self, me: ims.Client) -> None:
        self.me, self.live, self.status = me, ims.Live(me), "Connecting ..."
        self.listed: list[ims.Conversation] = []
        self.open: ims.Conversation | None = None
        self.shown: dict[str, ims.Message] = {}  # By their numbers.
        self.screen = threading.RLock()

    def run(self) -> None:
        """Talk until /quit."""
        listener = threading.Thread(target=self._listen, args=[self.me.copy()])
        listener.start()
        typed = terminal.typed_lines(self._prompt, lambda: self.status, self._commands())
        try:
            for line in takewhile("/quit".__ne__, chain(["/list", "/friends"], typed)):
                self._execute(line)
        finally:
            self.live.close()
            listener.join()

    def _prompt(self) -> str:
        return f"{self.open.name if self.open else ''}> "

    def _commands(self) -> dict[str, Callable[[str], None]]:
        return {f"/{name[3:]}": getattr(self, name) for name in dir(self) if name[:3] == "do_"}

    def _execute(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        try:
            if command.startswith("/"):
                self._commands()[command](rest.strip())
            elif self.open:
                self.me.send_text(self.open.id, line)
            else:
                self.do_open(line)
        except KeyError as missing:
            echo(f"There is no {missing} here; /help lists what there is.", RED)
        except (ims.RefusedError, ims.UnreachableError) as problem:
            echo(f"That did not work: {problem}", RED)

    def do_help(self, _: str) -> None:
        """Show this. A line without a slash is sent to the open conversation."""
        for name, command in self._commands().items():
            echo(f"  {in_colour(BOLD, fit(name, 9))} {command.__doc__}")

    def do_list(self, _: str) -> None:
        """List your conversations, and how much in them is new."""
        self.listed = self.me.list_conversations()
        echo("" if self.listed else "No conversations yet: /add a friend.")
        for number, each in enumerate(self.listed, 1):
            new = fit(f"{each.unread_count:>3} new" if each.unread_count else "", 8)
            name, last = in_colour(BOLD, fit(each.name, 16)), fit(each.last_message, 40)
            echo(f"{number:>3} {name} {in_colour(YELLOW, new)} {in_colour(DIM, last)}")

    def do_open(self, wanted: str) -> None:
        """NUMBER or NAME: open a conversation of the list."""
        numbered = enumerate(self.listed, 1)
        known = {key: each for number, each in numbered for key in (str(number), each.name)}
        with self.screen:
            page = self.live.follow(known[wanted].id, limit=20)
            if self.open and self.open != known[wanted]:
                self.live.unfollow(self.open.id)
            self.open, self.shown = known[wanted], {}
            echo(f"\n── {self.open.name} ──", BOLD)
            for message in page.messages:
                self._show(message)

    def do_reply(self, rest: str) -> None:
        """#N TEXT: reply to message number N."""
        number, _, text = rest.partition(" ")
        self.me.send_text(self.shown[number].conversation_id, text, self.shown[number].id)

    def do_delete(self, number: str) -> None:
        """#N: delete message number N for all members."""
        self.me.delete_message(self.shown[number].id)

    def do_friends(self, _: str) -> None:
        """List your friends and received friend requests."""
        for friend in self.me.list_friends():
            echo(f"  {fit(friend.name, 16)} {in_colour(DIM, friend.email)}")
        self._show_requests(self.me)

    def do_add(self, rest: str) -> None:
        """NAME or ID, and an optional greeting: send a friend request."""
        name, _, greeting = rest.partition(" ")
        matches = {each.id: f"{each.id} ({each.email})" for each in self.me.search_users(name)}
        matches.pop(self.me.id, None)
        ids = [*matches] or ([int(name)] if name.isdigit() else [])
        if len(ids) == 1:
            self.me.send_friend_request(ids[0], greeting)
            echo("Asked. You can talk as soon as the answer is yes.")
        else:
            echo(f"There are {len(ids)} of that name. {', '.join(matches.values())}")

    def do_accept(self, name: str) -> None:
        """NAME: accept a friend request."""
        waiting = {
            each.sender_name: each for each in self.me.list_friend_requests() if each.is_waiting
        }
        self.me.accept_friend_request(waiting[name].sender_id)

    def do_group(self, rest: str) -> None:
        """NAME: FRIEND, FRIEND: create a group."""
        name, _, wanted = rest.partition(":")
        ids = {friend.name: friend.id for friend in self.me.list_friends()}
        self.me.create_group(name.strip(), [ids[each.strip()] for each in wanted.split(",")])

    def _show(self, message: ims.Message) -> None:
        if (number := f"#{message.seq}") not in self.shown:
            self.shown[number] = message
            if message.reply_to:
                echo(f"{' ' * 18}╭ {fit(message.reply_to, 40)}", DIM)
            place = in_colour(DIM, f"{message.sent_at.astimezone():%d %b %H:%M} {number:>4}")
            colour = BOLD if message.sender_id == self.me.id else colour_of(message.sender_id)
            echo(f"{place} {in_colour(colour, fit(message.sender_name, 10))} {message.content}")

    def _show_requests(self, me: ims.Client) -> None:
        for each in me.list_friend_requests():
            if each.is_waiting:
                echo(f"{each.sender_name} would like to be your friend. {each.message}", YELLOW)
                echo(f"  /accept {each.sender_name}")

    def _listen(self, me: ims.Client) -> None:
        try:
            for event in self.live:
                with self.screen:
                    self._handle_event(event, me)
        except ims.RefusedError as refusal:
            self.status = f"Signed out: {refusal}"

    def _handle_event(self, event: ims.Event, me: ims.Client) -> None:
        match event:
            case ims.Arrived(message, is_read) if message.conversation_id in self.live.following:
                self._show(message)
                if not is_read and self.status == CONNECTED:
                    me.mark_read(message.conversation_id)
            case ims.Deleted(_, message_id):
                gone = [number for number, each in self.shown.items() if each.id == message_id]
                echo(f"{', '.join(gone) or 'A message'} was taken back.", DIM)
            case ims.Gone():
                self.open = None
                echo("This conversation is closed.", YELLOW)
            case ims.Connected():
                self.status = CONNECTED
                if self.open:  # What was shown while catching up is read by one request.
                    me.mark_read(self.open.id)
            case ims.Disconnected():
                self.status = "Connection lost, trying again ..."
            case ims.Hint():
                self._handle_hint(event, me)

    def _handle_hint(self, hint: ims.Hint, me: ims.Client) -> None:
        names = {each.id: f"{each.name} ∙ " * each.is_group for each in self.listed}
        if (message := hint.message) and message.sender_id != me.id:
            where = names.get(message.conversation_id, "")
            echo(f"{where}{message.sender_name}: {message.content}", YELLOW)
        elif hint.type == "request_message":
            self._show_requests(me)
        elif hint.type == "conv_setting":
            self.listed = me.list_conversations()
            for new in (each for each in self.listed if each.id not in names):
                echo(f"You can talk there now: /open {new.name}", YELLOW)


def main() -> None:
    """Sign in, or register, and talk."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="of the gateway")
    parser.add_argument("--email", help="of your account; IMS_PASSWORD may hold the password")
    given = parser.parse_args()
    try:
        email = given.email or input("E-mail: ")
        password = os.environ.get("IMS_PASSWORD") or getpass.getpass()
        try:
            me = ims.Client.log_in(given.url, email, password)
        except ims.RefusedError as refusal:
            if refusal.info != "User not found":
                raise
            me = ims.Client.register(given.url, email, password, input("New here. Your name: "))
        Chat(me).run()
    except (ims.RefusedError, ims.UnreachableError) as problem:
        sys.exit(f"That did not work: {problem}")
    except (EOFError, KeyboardInterrupt):
        sys.exit("\nNobody is signed in: the input has ended.")


if __name__ == "__main__":
    main()
