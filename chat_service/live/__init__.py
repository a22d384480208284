"""Live delivery: who listens, what they are told, and how it reaches every process.

``frames`` says what is told to whom, ``sockets`` is one open websocket, ``audience`` knows who
listens where in this process, and ``bus`` carries notices from process to process. Nothing in
here knows the database or the rules of conversations.
"""
