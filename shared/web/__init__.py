"""The HTTP side of a service: endpoints, errors, authentication, limits."""
