"""The rules of friends."""
