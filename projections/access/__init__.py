"""Which tokens, links and sessions there are."""

NAME = "access"
VERSION = 1
