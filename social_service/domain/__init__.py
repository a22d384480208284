"""Business rules of friends."""
