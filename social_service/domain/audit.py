"""The audit log of this service."""

from shared.operations.audit import AuditLog
from social_service.db import db
from social_service.models import AuditEvent

audit = AuditLog(db, AuditEvent)
