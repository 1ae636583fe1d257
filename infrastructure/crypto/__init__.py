"""Keys and sealing: content is unreadable without the book's master key, and for ever after an erasure."""
