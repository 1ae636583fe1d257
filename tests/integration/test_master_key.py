"""Replacing the master key: killed anywhere it goes on; nobody is locked out; the former opens nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from application.errors import KeyringError
from application.ports.log import IdempotencyKey, Origin
from bootstrap.container import Container
from bootstrap.host import ProcessHost
from bootstrap.settings import Settings
from domain.content import Sealed
from domain.conversation.conversation import Conversation
from domain.ids import new_id
from infrastructure.crypto import export
from infrastructure.crypto.keyring import Keyring
from infrastructure.crypto.master_key import MasterKeyFile, to_text
from infrastructure.crypto.rotation import Rotation
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from tests.support.cli_process import Daybook

TEXT = "What stays readable?"


@pytest.fixture
def daybook(tmp_path: Path, database_url: str) -> Daybook:
    """A book with one conversation, its master key in the home's file."""
    made = Daybook(
        {
            "DAYBOOK_HOME": str(tmp_path / "home"),
            "DAYBOOK_DATABASE_URL": database_url,
            "DAYBOOK_OLLAMA_URL": "http://127.0.0.1:9",
        }
    )
    write(made)
    return made


def host_of(daybook: Daybook) -> ProcessHost:
    return ProcessHost(Settings(daybook.environment))


@pytest.fixture
def book(daybook: Daybook) -> Iterator[Container]:
    """Another process, which has the book open all the time."""
    opened = host_of(daybook).open_here(lambda _: None)
    yield opened
    opened.close()


def write(daybook: Daybook, text: str = TEXT) -> UUID:
    opened = host_of(daybook).open_here(lambda _: None)
    try:
        return write_in(opened, text)
    finally:
        opened.close()


def write_in(book: Container, text: str = TEXT) -> UUID:
    made = Conversation.start(new_id(), project_id=None, title=None)
    made.add_prompt(new_id(), text, parent_id=None)
    book.log.save([made], Origin(actor=book.actor, source="cli"))
    return made.id


def shown(daybook: Daybook) -> str:
    return daybook("show", "@last").out


def key_file(daybook: Daybook) -> MasterKeyFile:
    return MasterKeyFile(Path(daybook.settings["DAYBOOK_HOME"]) / "keys" / "master.key")


def key_of(daybook: Daybook) -> bytes:
    found = key_file(daybook).read()
    assert found is not None
    return found


def replace(daybook: Daybook, *more: str) -> dict[str, Any]:
    done: dict[str, Any] = daybook("keys", "rotate", "--master", "--yes", "--json", *more).json
    return done


class _KilledError(Exception):
    pass


def _dies(*, before: bool) -> Callable[[Any], Any]:
    def wrapped(real: Any) -> Any:
        def dying(*args: Any, **more: Any) -> Any:
            if not before:
                real(*args, **more)
            raise _KilledError

        return dying

    return wrapped


KILLS: dict[str, tuple[type, str, bool]] = {
    "before the next key is written": (MasterKeyFile, "write_new", True),
    "when the next key is written": (MasterKeyFile, "write_new", False),
    "when a new epoch has begun": (PostgresKeyStore, "add_epoch", False),
    "when some keys are wrapped anew": (PostgresKeyStore, "replace", False),
    "when older epochs are destroyed": (PostgresKeyStore, "destroy_before", False),
    "before the database is told": (PostgresKeyStore, "replace_master", True),
    "when the database is told": (PostgresKeyStore, "replace_master", False),
    "when the former key has a name of its own": (Path, "replace", True),
    "when the next key has its place": (Path, "replace", False),
    "when the former key is to be destroyed": (MasterKeyFile, "destroy_former", True),
    "when the former key is written over": (MasterKeyFile, "_write_over_former", False),
    "when all is done but the tables": (PostgresKeyStore, "rewrite", True),
}


@pytest.mark.parametrize("when", KILLS)
def test_killed_anywhere_it_opens_the_book_and_goes_on(
    daybook: Daybook, database: Database, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    former = key_of(daybook)
    kind, name, before = KILLS[when]
    with monkeypatch.context() as patch:
        patch.setattr(kind, name, _dies(before=before)(getattr(kind, name)))
        with pytest.raises(_KilledError):
            host_of(daybook).keys.replace_master(None, lambda *_: None)
    if when == "when the former key is written over":
        assert not any(to_text(former).encode() in path.read_bytes() for path in _key_files(daybook))

    assert TEXT in shown(daybook)
    host_of(daybook).keys.replace_master(None, lambda *_: None)

    assert TEXT in shown(daybook)
    assert key_of(daybook) != former
    assert [path.name for path in _key_files(daybook)] == ["master.key"]
    with pytest.raises(KeyringError, match="former"):
        Keyring(PostgresKeyStore(database), lambda: former, lambda: former).unlock()


def _key_files(daybook: Daybook) -> list[Path]:
    return sorted(key_file(daybook).path.parent.glob("*master.key*"))


def test_a_replacement_that_was_interrupted_is_told_of(
    daybook: Daybook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(MasterKeyFile, "advance", _dies(before=True)(None))
        with pytest.raises(_KilledError):
            host_of(daybook).keys.replace_master(None, lambda *_: None)

    assert "daybook keys rotate --master" in daybook("keys", "status").err
    checks = {one["name"]: one for one in daybook("doctor", "--json", expect=None).json["checks"]}
    assert (checks["master key"]["ok"], checks["master key"]["fix"]) == (
        False,
        "daybook keys rotate --master",
    )
    assert replace(daybook)["resumed"] is True
    assert replace(daybook)["resumed"] is False


def test_a_running_process_goes_on_and_takes_the_new_key(daybook: Daybook, book: Container) -> None:
    before = write_in(book, "before")
    replace(daybook)
    between = write_in(book, "between")
    replace(daybook)
    Rotation(PostgresKeyStore(book.database), book.keyring).rotate()

    after = write_in(book, "after")

    book.read_models.catch_up()
    texts = [book.transcript.branch(one)[0].text for one in (before, between, after)]
    assert texts == ["before", "between", "after"]
    assert book.keyring.master == key_of(daybook)
    assert "after" in shown(daybook)


def test_a_process_that_holds_the_former_key_cannot_begin_an_epoch_with_it(
    daybook: Daybook, book: Container
) -> None:
    book.keyring.unlock()
    store = PostgresKeyStore(book.database)
    made = book.keyring.next_epoch(9)

    replace(daybook)

    assert store.add_epoch(made) is False
    assert store.replace_master(made.master_check, lambda *_: pytest.fail("never asked")) is False
    assert 9 not in store.epochs()
    assert TEXT in shown(daybook)


def test_a_replacement_is_refused_while_an_erasure_or_a_rotation_is_unfinished(
    daybook: Daybook, book: Container
) -> None:
    book.keyring.unlock()
    store = PostgresKeyStore(book.database)
    row = store.book()
    assert row is not None
    with book.database.owner_session() as connection:
        connection.execute("insert into daybook.tombstones (owner_id) values (gen_random_uuid())")
    assert not store.replace_master(row.master_check, lambda *_: pytest.fail("never asked"))
    store.add_epoch(book.keyring.next_epoch(2))
    assert not store.replace_master(row.master_check, lambda *_: pytest.fail("never asked"))

    assert replace(daybook)["finished"] is True


def test_a_command_sent_again_is_known_after_a_replacement(daybook: Daybook) -> None:
    origin = Origin(actor="ada", source="api")
    again = IdempotencyKey("once", b"the command")

    def ask() -> Any:
        opened = host_of(daybook).open_here(lambda _: None)
        try:
            found = opened.log.answered(origin, again)
            if found is None:
                made = Conversation.start(new_id(), project_id=None, title=None)
                opened.log.save([made], origin, idempotency=again, result=b"done")
            return found
        finally:
            opened.close()

    assert ask() is None
    replace(daybook)
    assert ask().result == b"done"
    replace(daybook)
    assert ask().replayed


def test_what_was_erased_since_the_master_key_is_in_force_is_counted(daybook: Daybook) -> None:
    assert daybook("keys", "status", "--json").json["erased_since_count"] == 0
    told = daybook("erase", "@last", "--yes").err
    assert told.count("daybook keys rotate --master") == 1
    before = daybook("keys", "status", "--json").json
    assert before["erased_since_count"] == 1
    assert "1 erased since then" in daybook("keys", "status").out

    replace(daybook)

    after = daybook("keys", "status", "--json").json
    assert (after["erased_count"], after["erased_since_count"]) == (1, 0)
    assert after["master_since"] > before["master_since"]


def test_it_asks_first_and_needs_a_terminal_for_that(daybook: Daybook) -> None:
    refused = daybook("keys", "rotate", "--master", expect=2)
    assert "No backup made so far" in refused.err
    assert "--yes" in refused.err
    assert "--master" in daybook("keys", "rotate", "--to", "x", expect=2).err


def test_a_key_given_as_a_secret_is_written_to_a_file_and_has_to_be_set(
    daybook: Daybook, tmp_path: Path
) -> None:
    old, new = tmp_path / "secret", tmp_path / "new-secret"
    key_file(daybook).path.rename(old)
    with_old = daybook.with_settings(DAYBOOK_MASTER_KEY_FILE=str(old))
    with_new = daybook.with_settings(DAYBOOK_MASTER_KEY_FILE=str(new))
    before = old.read_text()

    assert "--to FILE" in with_old("keys", "rotate", "--master", "--yes", expect=4).err
    for to, code in ((tmp_path / "none" / "x", 2), (old, 4), (Path(daybook.settings["DAYBOOK_HOME"]), 4)):
        with_old("keys", "rotate", "--master", "--yes", "--to", str(to), expect=code)
    done = with_old("keys", "rotate", "--master", "--yes", "--to", str(new))

    assert f"DAYBOOK_MASTER_KEY_FILE={new}" in done.err
    assert "daybook db scrub" in done.err
    assert new.stat().st_mode & 0o777 == 0o600
    assert TEXT in shown(with_new)
    refused = with_old("list", expect=6)
    assert "former" in refused.err
    assert "DAYBOOK_MASTER_KEY_FILE" in refused.err
    assert old.read_text() == before
    with_new("keys", "rotate", "--master", "--yes", "--to", str(new), expect=4)
    with_new("keys", "rotate", "--master", "--yes", "--to", str(old), expect=4)


def test_killed_after_the_database_was_told_the_same_file_ends_it(
    daybook: Daybook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = tmp_path / "new"
    with monkeypatch.context() as patch:
        patch.setattr(
            PostgresKeyStore, "replace_master", _dies(before=False)(PostgresKeyStore.replace_master)
        )
        with pytest.raises(_KilledError):
            host_of(daybook).keys.replace_master(to, lambda *_: None)
    assert "former" in daybook("list", expect=6).err

    assert replace(daybook, "--to", str(to))["resumed"] is True

    assert TEXT in shown(daybook.with_settings(DAYBOOK_MASTER_KEY_FILE=str(to)))


def test_a_home_whose_key_opens_another_book_keeps_it(
    daybook: Daybook, tmp_path: Path, empty_database_url: str
) -> None:
    other = daybook.with_settings(DAYBOOK_DATABASE_URL=empty_database_url)
    write(other, "in the other book")

    refused = daybook("keys", "rotate", "--master", "--yes", expect=4)
    assert "other books too" in refused.err
    replace(daybook, "--to", str(tmp_path / "own"))

    assert "in the other book" in shown(other)
    assert TEXT in shown(daybook.with_settings(DAYBOOK_MASTER_KEY_FILE=str(tmp_path / "own")))


def looked_at(daybook: Daybook) -> dict[str, Any]:
    return {one["name"]: one for one in daybook("doctor", "--json", expect=None).json["checks"]}


def test_another_home_gets_the_new_key_by_its_export(
    daybook: Daybook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_COST", {"n": 2**10, "r": 8, "p": 1})
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse\n")
    said = "--passphrase-file", str(passphrase)
    daybook("keys", "export", str(tmp_path / "old.json"), *said)
    second = daybook.with_settings(DAYBOOK_HOME=str(tmp_path / "second"))
    second("keys", "import", str(tmp_path / "old.json"), *said)
    former = key_of(second)
    assert TEXT in second("search", "readable").out.replace("«", "").replace("»", "")

    daybook("backup", str(tmp_path / "book.daybook"))
    assert looked_at(daybook)["backup"]["ok"] is True
    assert looked_at(daybook)["signing key"]["ok"] is True
    assert looked_at(second)["signing key"]["ok"] is False

    replace(daybook)

    checks = looked_at(daybook)
    assert checks["key backup"]["ok"] is False  # the export is of the former key
    assert checks["backup"]["ok"] is False  # the backup is, too
    assert "keys import FILE" in second("list", expect=6).err
    assert "former master key" in second("keys", "import", str(tmp_path / "old.json"), *said, expect=4).err
    daybook("keys", "export", str(tmp_path / "new.json"), *said)
    second("keys", "import", str(tmp_path / "new.json"), *said)
    assert key_of(second) == key_of(daybook) != former
    assert [path.name for path in _key_files(second)] == ["master.key"]


def test_only_one_process_replaces_at_a_time(daybook: Daybook, book: Container) -> None:
    with PostgresKeyStore(book.database).replacing() as mine:
        assert mine
        assert "Another process" in daybook("keys", "rotate", "--master", "--yes", expect=4).err
    replace(daybook)


def test_content_sealed_before_opens_after(daybook: Daybook, book: Container) -> None:
    owner = write_in(book, "sealed before")
    sealed: Sealed = book.keyring.seal("still here", stream_id=owner, version=7, field="text")
    replace(daybook)
    fresh = host_of(daybook).open_here(lambda _: None)
    try:
        assert fresh.keyring.open(sealed) == "still here"
    finally:
        fresh.close()
