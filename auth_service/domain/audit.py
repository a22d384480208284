"""The audit log of this service."""

from auth_service.db import db
from auth_service.models import AuditEvent
from shared.operations.audit import AuditLog

audit = AuditLog(db, AuditEvent)
