"""Accounts, passwords, tokens, e-mail codes and avatars."""
