"""Metrics of the auth service, in addition to those of every program."""

from prometheus_client import Counter

logins = Counter("ims_logins", "Successful sign-ins.")
failed_logins = Counter(
    "ims_failed_logins",
    "Failed sign-ins, by reason: `unknown` address, `deleted` account, wrong `password`.",
    ["reason"],
)
registrations = Counter("ims_registrations", "Accounts created or restored.")
codes = Counter("ims_verification_codes", "Verification codes sent by mail.")
