"""Who did what when: one slim row an event, found by who, what, through what and where."""

NAME = "trail"
VERSION = 2
