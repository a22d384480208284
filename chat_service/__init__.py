"""Conversations, messages, media, roles, invitations, live delivery."""
