"""Delivery of live events to the open websockets of all processes.

``frames`` defines events and their recipients; ``sockets`` is one open websocket; ``hub`` has the
sockets of this process, and ``replay`` selects the events that a session has missed; ``bus`` and
``redis_bus`` transport events between processes. This package is independent of the database, of
the rules of conversations and of the names of the API document.
"""
