"""The gateway, tested on the wire."""
