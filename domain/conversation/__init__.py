"""A conversation: a tree of prompts and answers.

`events.py` says what can happen, `conversation.py` when it may.
"""
