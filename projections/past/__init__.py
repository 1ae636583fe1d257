"""The book as it was at an earlier moment, told by the very tables and queries that tell how it is now."""
