"""What the record keeps of those who read it."""

from enum import StrEnum


class AuditReading(StrEnum):
    """That somebody read the record."""

    READ = "audit.read"
    EXPORTED = "audit.exported"
    VERIFIED = "audit.verified"
    PROVEN = "audit.proven"
