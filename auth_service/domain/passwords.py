"""Passwords: encrypted on their way here, hashed with Argon2id at rest."""

import re

from argon2 import PasswordHasher

_LEGAL = re.compile(r"[A-Za-z0-9_]{1,20}", re.ASCII)
_LONGEST_PLAIN = 20  # A ciphertext has at least 24 characters.
_ZERO_IV = bytes(16)

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
