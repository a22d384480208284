"""A client of the instant-messaging API: users, conversations, messages and live events.

from ims_client import Arrived, Client, Live

alice = Client.log_in("http://127.0.0.1:8000", "alice@example.com", "alice_1")
for conversation in alice.list_conversations():
    print(conversation.name, conversation.unread_count)

with Live(alice) as live:
    page = live.follow(conversation.id)  # The existing messages; later ones are yielded.
    for event in live:
        if isinstance(event, Arrived):
            print(event.message.sender_name, event.message.content)
"""

from ims_client.client import Client
from ims_client.errors import RefusedError, TokenRefusedError, UnreachableError
from ims_client.events import Arrived, Connected, Deleted, Disconnected, Event, Gone, Hint
from ims_client.live import Live
from ims_client.models import (
    Account,
    Blocked,
    Change,
    Changes,
    Conversation,
    FriendRequest,
    Invitation,
    Member,
    Message,
    Page,
    SearchResult,
    Sent,
    User,
)
from ims_client.transport import Reply

__all__ = [
    "Account",
    "Arrived",
    "Blocked",
    "Change",
    "Changes",
    "Client",
    "Connected",
    "Conversation",
    "Deleted",
    "Disconnected",
    "Event",
    "FriendRequest",
    "Gone",
    "Hint",
    "Invitation",
    "Live",
    "Member",
    "Message",
    "Page",
    "RefusedError",
    "Reply",
    "SearchResult",
    "Sent",
    "TokenRefusedError",
    "UnreachableError",
    "User",
]
