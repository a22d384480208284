"""How a program runs: gunicorn, its processes, memory and sockets."""
