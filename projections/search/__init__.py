"""Full text of prompts and answers.

The only read model that holds words in clear, as lexemes of an index: so column statistics are off, and what
is shown of a hit comes from its ciphertext.
"""

NAME = "search"
VERSION = 1

SEGMENT_BITS = 13
"""A segment is 2^13 neighbouring places of the log; each message's lexemes carry a mark that names its
segment.
"""


def segment_mark(segment: int) -> str:
    """Return the lexeme that marks a segment; no text can contain it, as the parser drops U+0001."""
    return f"\x01s{segment}"


def conversation_mark(conversation_hex: str) -> str:
    """Return the lexeme that marks a conversation's messages."""
    return f"\x01c{conversation_hex}"
