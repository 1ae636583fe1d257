"""A whole book in one file, and back: how it is written, checked and loaded (docs/backup.md)."""
