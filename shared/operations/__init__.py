"""What operators call: commands, integrity checks, data export and erasure, the audit log."""
