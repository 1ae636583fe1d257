"""Which answers a replay takes, and how it is run: shared by all interfaces."""
