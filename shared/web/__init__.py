"""What a service needs to answer requests: contract of endpoints, errors, tokens, limits."""
