"""What a superuser may do to the checkpoints: put an old one back, use another key, sign a fork, edit one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from infrastructure.proofs.auditor import PostgresAuditor
from infrastructure.proofs.signing import SigningKey, checkpoint_text

if TYPE_CHECKING:
    import psycopg

KINDS = ("old checkpoint", "old state", "another key", "another key, registered", "fork", "edit checkpoint")
_ALL = "select checkpoint_id, size, root from daybook.checkpoints order by size"
_SIGN = "insert into daybook.checkpoints (size, root, note) values (%s, %s, %s)"


def alter(
    connection: psycopg.Connection, auditor: PostgresAuditor, chance: random.Random
) -> tuple[str, tuple[str, ...]]:
    """Alter the checkpoints; return what was done and words of which a verification must say one."""
    kind = chance.choice(KINDS)
    rows = connection.execute(_ALL).fetchall()
    number, size, root = chance.choice(rows[:-1])
    if kind.startswith("old"):
        connection.execute("delete from daybook.checkpoints where size > %s", (size,))
        if kind == "old state":
            connection.execute("delete from daybook.events where log_index >= %s", (size,))
        return kind, ("put back to an older state",)
    if kind.startswith("another key"):
        return kind, _sign_with_another(connection, auditor, (number, size, root), registered="," in kind)
    if kind == "fork":
        key = auditor._checkpoints.signing_key()
        other = chance.randbytes(32)
        note = key.sign(checkpoint_text(key.name, size, other))
        connection.execute(_SIGN, (size, other, note))
        return "fork: another root signed", (
            f"(of {size:,} events): its root {other.hex()} is not this log's",
        )
    change = chance.choice(
        ("size = size + 1", "root = sha256(root)", "note = replace(note, '\n\n', '\n \n')")
    )
    connection.execute(f"update daybook.checkpoints set {change} where checkpoint_id = {number}".encode())
    return f"edit checkpoint: {change.split()[0]}", (f"checkpoint {number} (of ",)


def sign_fork(
    connection: psycopg.Connection, auditor: PostgresAuditor, size: int, root: bytes, *, from_size: int
) -> None:
    """Replace all checkpoints that contradict a rewritten log by one that its owner signed anew."""
    key = auditor._checkpoints.signing_key()
    connection.execute("delete from daybook.checkpoints where size >= %s", (from_size,))
    connection.execute(_SIGN, (size, root, key.sign(checkpoint_text(key.name, size, root))))


def _sign_with_another(
    connection: psycopg.Connection, auditor: PostgresAuditor, row: tuple[Any, ...], *, registered: bool
) -> tuple[str, ...]:
    number, size, root = row
    stranger = SigningKey.from_secret(auditor.key().split("+")[0], b"s" * 32)
    note = stranger.sign(checkpoint_text(stranger.name, size, bytes(root)))
    connection.execute("update daybook.checkpoints set note = %s where checkpoint_id = %s", (note, number))
    if registered:
        connection.execute("insert into daybook.signing_keys (verifier) values (%s)", (stranger.verifier,))
    return (f"checkpoint {number} (of {size:,} events): ",)
