"""The data of a service and its exchange with others: database, outbox, events, clients."""
