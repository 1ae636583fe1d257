"""What was said: messages with their provenance, as a tree."""

NAME = "transcript"
VERSION = 6
