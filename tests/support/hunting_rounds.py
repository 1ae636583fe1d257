"""One round of the hunt: plant, see that it can be found, erase, see that it cannot.

Every look after the erasure has a look before it that finds the same needle in the same kind of place, so
that a hunt cannot come home empty because it looked wrongly.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from application.errors import KeyringError
from infrastructure.crypto.keyring import Keyring
from infrastructure.crypto.wrapping import data_key_binding, epoch_binding, unwrap
from infrastructure.postgres.book import PostgresLog
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from infrastructure.postgres.log import EventLog
from tests.support.hunting import (
    CONTROL,
    PREFIX,
    SEARCH,
    WITHOUT_SEARCH,
    Find,
    Hunt,
    Planted,
    control_file,
    look,
    words_needle,
)

_ALL_BUT = {
    "live",
    "command",
}  # saved text of a running answer and an idempotency key's command are no events


@dataclass
class Round:
    """What a round saw. It is well when nothing was found afterwards and every control was found before."""

    missed_controls: list[str] = field(default_factory=list)
    controls: int = 0
    found: list[Find] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    files: int = 0

    @property
    def well(self) -> bool:
        return not (self.missed_controls or self.found or self.opened)

    def control(self, what: str, *, seen: bool) -> None:
        self.controls += 1
        if not seen:
            self.missed_controls.append(what)


def hunt_once(hunt: Hunt, number: int) -> Round:
    """Plant, erase and look everywhere."""
    seen = Round()
    planted = hunt.plant()
    needles = {**words_needle(), **planted.secrets}
    _controls_of_the_log(hunt, seen)
    _spread_over_the_wal(hunt, planted)
    former = hunt.master()
    old = hunt.dump(f"before-{number}.sql")
    _controls(hunt, planted, old, number, seen)
    wordless = hunt.dump(f"wordless-{number}.sql", WITHOUT_SEARCH)
    seen.found += look([wordless], words_needle())
    backup = hunt.backup(f"backup-before-{number}")
    seen.found += look([backup], words_needle())
    seen.control(
        "the wrapped key in a backup from before",
        seen=_has(look([backup], needles), "wrapped key of the conversation"),
    )

    hunt.erase(planted)
    left = look([hunt.wal], needles)
    seen.control("words in the write-ahead log after the erasure", seen=_has(left, PREFIX))
    seen.control(
        "words in segments that wait to be used again", seen=any(_is_ahead(hunt, one) for one in left)
    )
    seen.control("the wrapped key in the write-ahead log", seen=_has(left, "wrapped key of the conversation"))

    hunt.daybook("keys", "rotate", "--master", "--yes")
    hunt.daybook("db", "scrub")
    hunt.checkpoint()

    places = [
        hunt.cluster,
        hunt.server_log,
        hunt.home,
        hunt.dump(f"after-{number}.sql"),
        hunt.export(f"export-{number}"),
        hunt.export(f"revealed-{number}", "--reveal"),
        hunt.backup(f"backup-after-{number}"),
    ]
    seen.found += look(places, needles)
    seen.files = sum(1 for place in places for path in [place, *place.rglob("*")] if path.is_file())
    _try_the_old_dump(hunt, old, former, planted, number, seen)
    return seen


def _controls_of_the_log(hunt: Hunt, seen: Round) -> None:
    """The log must be one that would have told: others' statements, parameters and failing rows are in it."""
    hunt.execute(f"select '{CONTROL}statement'")
    hunt.fail_with(f"{CONTROL}loud", quiet=False)
    hunt.fail_with(f"{PREFIX}quiet", quiet=True)
    told = hunt.server_log.read_text()
    seen.control("a statement in the log", seen=f"{CONTROL}statement" in told)
    seen.control("a failing row in the log", seen=f"'{CONTROL}loud':1" in told)
    seen.control("a parameter in the log", seen=f"= '{CONTROL}loud'" in told)
    seen.control("Daybook's own statements in the log", seen="insert into messages (message_id" in told)


def _spread_over_the_wal(hunt: Hunt, planted: Planted) -> None:
    """Fill several segments with words and wrapped keys, and let the server put them by to be used again."""
    words = " ".join(planted.words.values())
    box = planted.secrets["wrapped key of the conversation"].hex()
    for _ in range(4):
        hunt.execute(
            f"select pg_logical_emit_message(true, 'filler', repeat('{words} ', 3000))", logged=False
        )
        hunt.execute(f"select pg_logical_emit_message(true, 'filler', '\\x{box}'::bytea)", logged=False)
        hunt.execute("select pg_switch_wal()")
    hunt.checkpoint()
    hunt.execute("update daybook.data_keys set wrapped = wrapped")  # the present segment has it as well
    hunt.execute(f"update {SEARCH}.messages set words = words")


def _controls(hunt: Hunt, planted: Planted, old: Path, number: int, seen: Round) -> None:
    needles = {**words_needle(), **planted.secrets}
    for where, place in (("tables", hunt.cluster / "base"), ("write-ahead log", hunt.wal), ("dump", old)):
        found = look([place], needles)
        for what in (PREFIX, "wrapped key of the conversation", "wrapped key of the project"):
            seen.control(f"{what} in the {where}", seen=_has(found, what))
        seen.control(
            f"the epoch's in the {where}", seen=place == hunt.wal or _has(found, "wrapped epoch key")
        )
    for word in planted.searchable:
        seen.control("each word of the search in the dump", seen=word in old.read_text())
    revealed = hunt.export(f"before-{number}", "--reveal")
    said = (revealed / "events.ndjson").read_text()
    for place, word in planted.words.items():
        seen.control(f"{place} in the revealing export", seen=place in _ALL_BUT or word in said)
    seen.control("the master key in the home", seen=_has(look([hunt.home], needles), "master key"))
    control = hunt.home / "control"
    expected = control_file(control, needles)
    seen.control("every form of every needle", seen=len(look([control], needles)) == expected)
    control.unlink()


def _try_the_old_dump(
    hunt: Hunt, old: Path, former: bytes, planted: Planted, number: int, seen: Round
) -> None:
    """With all that there is now, a dump from before opens nothing; with the former key it does."""
    name = f"old_{number}"
    database = Database(hunt.restore(old, name))
    try:
        store = PostgresKeyStore(database)
        new = hunt.master()
        with contextlib.suppress(KeyringError):
            Keyring(store, lambda: new, lambda: new).unlock()
            seen.opened.append("the old dump was taken for this book's")
        with hunt.book() as book:
            book.keyring.unlock()
            epochs = book.keyring._opener.opened().epochs
            book_id = book.keyring.book_id
        for epoch, box in store.epochs().items():
            with contextlib.suppress(KeyringError):
                unwrap(new, box, epoch_binding(book_id, epoch))
                seen.opened.append(f"epoch {epoch} of the old dump")
        for owner in (planted.conversation_id, planted.project_id):
            stored = store.data_key(owner)
            assert stored is not None
            for key in (new, *epochs.values()):
                with contextlib.suppress(KeyringError):
                    unwrap(key, stored[1], data_key_binding(owner, stored[0]))
                    seen.opened.append(f"the key of {owner}")
        ring = Keyring(store, lambda: former, lambda: former)
        log = PostgresLog(EventLog(database), ring)
        texts = [
            ring.open(recorded.event.text)  # type: ignore[attr-defined]
            for recorded in log.read(0, 10_000)
            if recorded.event.stream_id == planted.conversation_id
            and recorded.event.type_name == "conversation.prompt-added"
        ]
        seen.control("the former key opens the old dump", seen=planted.words["prompt"] in "".join(texts))
    finally:
        database.close()
        with psycopg.connect(hunt.url("postgres"), autocommit=True) as connection:
            connection.execute(f"drop database {name} with (force)".encode())


def _has(found: list[Find], what: str) -> bool:
    return any(one.what == what for one in found)


def _is_ahead(hunt: Hunt, find: Find) -> bool:
    """Say whether a segment is one that will be written in later: its old bytes are from an earlier use."""
    with psycopg.connect(hunt.url(), autocommit=True) as connection:
        row = connection.execute("select pg_walfile_name(pg_current_wal_insert_lsn())").fetchone()
    assert row is not None
    return find.what == PREFIX and Path(find.where).name > row[0]
