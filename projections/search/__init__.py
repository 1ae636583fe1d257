"""Full text of prompts and answers.

The only read model that holds words in clear, as lexemes of an index: so column statistics are off, and what
is shown of a hit comes from its ciphertext.
"""

from hashlib import sha256

NAME = "search"
VERSION = 2

SEGMENT_BITS = 13
"""A segment is 2^13 neighbouring places of the log; each message's lexemes carry a mark that names its
segment.
"""


def segment_mark(segment: int) -> str:
    """Return the lexeme that marks a segment; no text can contain it, as the parser drops U+0001."""
    return f"\x01s{segment}"


def kind_mark(kind: str) -> str:
    """Return the lexeme that marks prompts, or answers."""
    return f"\x01k{kind}"


def model_mark(model: str) -> str:
    """Return the lexeme that marks a model's answers; hashed, so that any name will do."""
    return f"\x01m{sha256(model.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def project_mark(project_hex: str) -> str:
    """Return the lexeme that marks messages of conversations that are in a project now."""
    return f"\x01p{project_hex}"


def tag_mark(name_hash: bytes) -> str:
    """Return the lexeme that marks messages of conversations that have a tag now."""
    return f"\x01t{name_hash.hex()}"


def conversation_mark(conversation_hex: str) -> str:
    """Return the lexeme that marks a conversation's messages."""
    return f"\x01c{conversation_hex}"
