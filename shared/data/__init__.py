"""What a service keeps, and what services tell each other: database, outbox, events, calls."""
