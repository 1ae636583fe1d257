"""Keys and sealing: what makes content unreadable without the book's master key, and for ever after an erasure."""
