"""The audit log of this service."""

from chat_service.db import db
from chat_service.models import AuditEvent
from shared.operations.audit import AuditLog

audit = AuditLog(db, AuditEvent)
