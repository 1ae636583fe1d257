"""Out and back: conversations and projects as files, and files as conversations and projects."""
