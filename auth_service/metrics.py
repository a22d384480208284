"""What the auth service counts beside what every program does."""

from prometheus_client import Counter

logins = Counter("ims_logins", "Sign-ins that succeeded.")
failed_logins = Counter(
    "ims_failed_logins",
    "Sign-ins refused, by reason: `unknown` address, `deleted` account, wrong `password`.",
    ["reason"],
)
registrations = Counter("ims_registrations", "Accounts made or restored.")
codes = Counter("ims_verification_codes", "Codes sent by mail.")
