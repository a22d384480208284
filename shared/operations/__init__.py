"""Operations: commands, integrity checks, data export, audit log."""
