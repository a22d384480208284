"""What the tests of the gateway and the services have in common."""
