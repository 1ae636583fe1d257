"""Which projects there are."""

NAME = "projects"
VERSION = 4
