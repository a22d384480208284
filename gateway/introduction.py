"""What the API's document says before its endpoints."""

INTRODUCTION = """\
One HTTP API for accounts, friends, conversations and messages, and a WebSocket for what happens
live.

**Register.** Open `POST /account/reg` below, press *Try it out*, choose an e-mail, a name and a
password (1 to 20 letters, digits or underscores), and press *Execute*. The answer holds a
`token`; `POST /account/login` gives another.

**Authorize.** Press *Authorize* at the top right and paste the token. *Try it out* then sends it
as the header `Authorization`, as the raw token; `Bearer <token>` is accepted as well. Endpoints
with an open padlock need none. A token lives for a week, or until it is signed out.

**Parameters.** GET and DELETE take them from the query string or from a JSON body, POST and PUT
from a JSON body. An id is a number or a decimal string. Times are UTC, such as
`2025-03-13T14:30:00Z`.

**Errors.** A success has status 200, `code` 0 and `info`; any other status has exactly `code`
and `info`. The same number means different things in different places: go by the text of `info`,
or by endpoint and `code`. 401 with -2 means that the token is not valid (any more), 400 with -7
that a field is missing or has a wrong type, and 429 and 503 come with `Retry-After`. Whatever is
not listed with an endpoint has minus the status as its `code`.

**Live.** Connect a WebSocket to `/ws/` with the subprotocols `ims` and the token: `new
WebSocket("ws://127.0.0.1:8000/ws/", ["ims", token])`. It brings JSON frames such as `{"type":
"notify", "conversationId": "7", "message": {...}}`. Every conversation has a `version`; `POST
/conversations/sync` answers exactly what is missing after a connection broke.
"""
