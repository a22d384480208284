"""Business rules of accounts."""
