"""Which conversations there are: lists, counts, titles, last activity."""

NAME = "conversations"
VERSION = 9
