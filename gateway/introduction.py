"""The description in the OpenAPI document."""

INTRODUCTION = """\
An HTTP API for accounts, friends, conversations and messages, and a WebSocket for live events.

**Register.** Open `POST /account/reg` below, press *Try it out*, choose an e-mail, a name and a
password (1 to 20 letters, digits or underscores), and press *Execute*. The response contains a
`token`; `POST /account/login` returns another one.

**Authorize.** Press *Authorize* at the top right and paste the token. *Try it out* then sends it
in the header `Authorization`, as the raw token; `Bearer <token>` is accepted as well. Endpoints
with an open padlock need no token. A token is valid for a week, or until the user signs out.

**Parameters.** GET and DELETE accept them in the query string or in a JSON body, POST and PUT
in a JSON body. An id is a number or a decimal string. Times are UTC, such as
`2025-03-13T14:30:00Z`.

**Errors.** A success has status 200, `code` 0 and `info`; an error has exactly `code` and `info`.
The same `code` has different meanings at different endpoints: use the text of `info`, or endpoint
and `code` together. 401 with -2 means that the token is not valid (any more), 400 with -7 that a
field is missing or has a wrong type. 429 and 503 have a `Retry-After`. The `code` of errors that
are not listed with an endpoint is minus the status.

**Live.** Connect a WebSocket to `/ws/` with the subprotocols `ims` and the token: `new
WebSocket("ws://127.0.0.1:8000/ws/", ["ims", token])`. The server sends JSON frames such as
`{"type": "notify", "conversationId": "7", "message": {...}}`. Every conversation has a `version`;
`POST /conversations/sync` returns exactly the changes that a client missed while it was
disconnected.
"""
