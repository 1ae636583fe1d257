"""Which projects there are."""

NAME = "projects"
VERSION = 5
