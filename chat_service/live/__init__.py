"""Live delivery: how a change reaches the open websockets of every process.

``frames`` says what an event is and who learns of it; ``sockets`` is one open websocket; ``hub``
knows the subscribers of this process, and ``replay`` what a session has missed; ``bus`` and
``redis_bus`` carry events from process to process. Nothing in here knows the database, the rules
of conversations or the words of the API.
"""
