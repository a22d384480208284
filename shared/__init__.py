"""The code that the gateway and the services share."""
