"""User search, friend requests, friendships and friend groups."""
