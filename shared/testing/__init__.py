"""Test support of the gateway and the services."""
