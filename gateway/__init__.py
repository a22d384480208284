"""The gateway: the public entry to the services, which verifies tokens and forwards requests."""
