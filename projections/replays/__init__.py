"""Replays, and what models said in them."""

NAME = "replays"
VERSION = 1
