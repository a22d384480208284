"""The copied accounts: who exists, what they are called, what they look like."""

from chat_service.db import db
from chat_service.models import Account
from shared.accounts import AccountCopies

accounts = AccountCopies(db, Account)
