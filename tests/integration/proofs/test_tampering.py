"""Whatever a superuser does to the log by SQL is found, and named."""

from __future__ import annotations

import random
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from application.errors import KeyringError
from domain.errors import InvalidInputError, RefusedError
from infrastructure.postgres.database import Database
from infrastructure.proofs.offline import parse_checkpoint
from infrastructure.proofs.signing import SigningKey, checkpoint_text
from tests.integration.proofs.conftest import SIZE, Audited
from tests.support import merkle
from tests.support.tampering import recompute_nodes, tamper

COLUMNS = {
    "payload": "set_byte(payload, 0, get_byte(payload, 0) # 1)",
    "metadata": "metadata || 'x'",
    "type": "type || '-altered'",
    "schema_version": "schema_version + 1",
    "time": "time + interval '1 microsecond'",
    "event_id": "gen_random_uuid()",
    "stream_id": "gen_random_uuid()",
    "version": "version + 100",
    "node": "sha256(node)",
}


def test_a_log_that_nobody_touched_is_well(book: Audited) -> None:
    leaves = [merkle.leaf_hash(merkle.leaf_record(row)) for row in book.log.read(0, 100)]
    seen: list[tuple[int, int]] = []

    found = book.verify(progress=lambda done, total: seen.append((done, total)))

    assert (found.ok, found.events, found.root) == (True, SIZE, merkle.tree_hash(leaves).hex())
    assert found.checkpoint is not None
    assert parse_checkpoint(found.checkpoint)[1:] == (16, merkle.tree_hash(leaves[:16]))
    assert seen == [(16, SIZE)]


def test_an_empty_log_is_well(empty: Audited) -> None:
    assert (empty.verify().ok, empty.verify().events, empty.verify().checkpoint) == (True, 0, None)
    made = empty.auditor.checkpoint()
    assert empty.verify().checkpoint == made.note
    assert made.root == merkle.tree_hash([]).hex()


@pytest.mark.parametrize("column", COLUMNS)
def test_an_altered_column_names_its_event_and_no_other(book: Audited, column: str) -> None:
    for index in (0, 6, 7, 15, 16, 23):
        [(stream, before)] = book.sql(
            f"select stream_id, {column} from daybook.events where log_index = %s", index
        )
        book.sql(f"update daybook.events set {column} = {COLUMNS[column]} where log_index = %s", index)

        problems = book.verify().problems

        named = {one.log_index: one.stream for one in problems if "checkpoint" not in one.what}
        assert index in named
        if column not in {"stream_id", "version"}:  # these break the order of the events after them, too
            assert named == {index: stream}
        book.sql(f"update daybook.events set {column} = %s where log_index = %s", before, index)
    assert book.verify().ok


def test_a_forger_who_recomputes_every_hash_is_caught_by_the_checkpoint(book: Audited) -> None:
    for index in (15, 8, 5, 0):
        book.sql("update daybook.events set payload = 'forged' where log_index = %s", index)
        recompute_nodes(book.database, book.log, index)

        [problem] = book.verify().problems

        assert "among the events 0-15" in problem.what
        assert problem.log_index is None  # nobody knows which of them


def test_later_checkpoints_narrow_down_where_a_forger_was(book: Audited) -> None:
    book.auditor.checkpoint()
    book.append(4)
    book.auditor.checkpoint()
    book.sql("update daybook.events set payload = 'forged' where log_index = 20")
    recompute_nodes(book.database, book.log, 20)

    [problem] = book.verify().problems

    assert "among the events 16-23" in problem.what
    assert "nor do 1 later" in problem.what


def test_a_deleted_event_is_named(book: Audited) -> None:
    book.sql("delete from daybook.events where log_index in (5, 6)")

    found = book.verify()

    assert [(one.log_index, one.what) for one in found.problems if "missing" in one.what] == [
        (5, "this event is missing"),
        (6, "this event is missing"),
    ]
    assert found.root is None


def test_an_inserted_event_is_named(book: Audited) -> None:
    book.sql(
        "insert into daybook.events select 24, stream_id, version + 1, gen_random_uuid(), 1,"
        " clock_timestamp(), type, metadata, payload, node from daybook.events where log_index = 23"
    )

    assert book.named() == [24]


def test_an_event_hidden_before_the_beginning_is_named(book: Audited) -> None:
    book.sql(
        "insert into daybook.events select -1, stream_id, version + 1, gen_random_uuid(), 1, time, type,"
        " metadata, payload, node from daybook.events where log_index = 23"
    )

    assert -1 in book.named()


def test_a_missing_or_changed_identity_of_the_book_is_named(book: Audited) -> None:
    book.sql("update daybook.book set book_id = gen_random_uuid()")
    assert not book.verify().ok
    book.sql("delete from daybook.book")
    assert any("no identity" in problem.what for problem in book.verify().problems)


def test_one_home_keeps_the_checkpoints_of_several_books_apart(
    book: Audited, empty_database_url: str
) -> None:
    from infrastructure.postgres.migrate import migrate

    database = Database(empty_database_url)
    migrate(database)
    other = Audited(database, book.home)
    other.append(3)

    assert other.auditor.checkpoint().size == 3
    assert other.verify().ok
    assert book.verify().ok
    database.close()


def test_rows_that_cannot_be_read_are_named(book: Audited) -> None:
    book.sql("alter table daybook.events alter payload drop not null, alter stream_id drop not null")
    book.sql("update daybook.events set payload = null where log_index = 4")
    book.sql("update daybook.events set stream_id = null where log_index = 9")

    assert {4, 9} <= set(book.named())


def test_a_verification_broken_off_leaves_the_connection_usable(book: Audited) -> None:
    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        book.verify(progress=interrupt)
    assert book.verify().ok


def test_an_event_inserted_in_the_middle_is_named_with_all_it_moved(book: Audited) -> None:
    book.sql("update daybook.events set log_index = -log_index - 1 where log_index >= 10")
    book.sql("update daybook.events set log_index = -log_index where log_index < 0")
    book.sql(
        "insert into daybook.events select 10, gen_random_uuid(), 1, gen_random_uuid(), 1, time, type,"
        " metadata, payload, node from daybook.events where log_index = 9"
    )

    assert set(range(10, 25)) <= set(book.named())


def test_swapped_events_and_swapped_payloads_are_named(book: Audited) -> None:
    book.sql("update daybook.events set log_index = 1000 where log_index = 3")
    book.sql("update daybook.events set log_index = 3 where log_index = 12")
    book.sql("update daybook.events set log_index = 12 where log_index = 1000")
    assert {3, 12} <= set(book.named())


def test_payloads_swapped_between_events_are_named(book: Audited) -> None:
    book.sql(
        "update daybook.events e set payload = o.payload from daybook.events o"
        " where (e.log_index, o.log_index) in ((4, 17), (17, 4))"
    )

    assert {4, 17} <= set(book.named())


def test_a_log_cut_off_below_a_checkpoint_is_named(book: Audited) -> None:
    book.auditor.checkpoint()
    book.sql("delete from daybook.events where log_index >= 20")

    assert book.named() == [20, 21, 22, 23]


def test_a_log_cut_off_below_an_answered_command_is_named(book: Audited) -> None:
    from infrastructure.postgres.log import AppendRequest, EventRow, Idempotency

    row = EventRow(uuid4(), 1, uuid4(), "test.happened", 1, b"", b"")
    book.log.append(AppendRequest([row], idempotency=Idempotency("ada", "key", b"hash", b"")))
    book.sql("delete from daybook.events where log_index >= 23")

    assert book.named() == [23, 24]


def test_an_emptied_log_is_named(book: Audited) -> None:
    book.sql("truncate daybook.events")

    assert book.named() == list(range(16))


def test_an_older_state_put_back_with_its_checkpoints_is_found_by_the_home(book: Audited) -> None:
    book.auditor.checkpoint()
    book.sql("delete from daybook.checkpoints where size > 16")
    book.sql("delete from daybook.events where log_index >= 16")

    found = book.verify()

    assert any("put back to an older state" in problem.what for problem in found.problems)
    assert {16, 23} <= {problem.log_index for problem in found.problems}
    with pytest.raises(RefusedError, match="does not extend"):
        book.auditor.checkpoint()


def test_a_checkpoint_kept_elsewhere_finds_an_older_state_put_back(book: Audited, tmp_path: Path) -> None:
    kept = book.auditor.checkpoint().note
    assert book.verify(since=kept).ok
    book.sql("delete from daybook.checkpoints where size > 16")
    book.sql("delete from daybook.events where log_index >= 16")

    elsewhere = book.in_home(tmp_path / "elsewhere")

    assert elsewhere.verify().ok
    assert [one.log_index for one in elsewhere.verify(since=kept).problems] == list(range(16, 24))


def test_another_history_signed_with_the_true_key_is_a_fork(book: Audited) -> None:
    key = book.auditor._checkpoints.signing_key()
    root = b"f" * 32
    note = key.sign(checkpoint_text(key.name, 12, root))
    book.sql("insert into daybook.checkpoints (size, root, note) values (12, %s, %s)", root, note)

    [problem] = book.verify().problems

    assert "fork" in problem.what
    assert "of 12 events" in problem.what


def test_a_checkpoint_signed_with_another_key_is_named_even_if_that_key_is_registered(book: Audited) -> None:
    stranger = SigningKey.from_secret(book.auditor.key().split("+")[0], b"s" * 32)
    [(root,)] = book.sql("select root from daybook.checkpoints")
    note = stranger.sign(checkpoint_text(stranger.name, 16, bytes(root)))  # type: ignore[arg-type]
    book.sql("insert into daybook.checkpoints (size, root, note) values (16, %s, %s)", root, note)
    book.sql("insert into daybook.signing_keys (verifier) values (%s)", stranger.verifier)

    what = [problem.what for problem in book.verify().problems]

    assert len(what) == 2
    assert "names a signing key that is not this book's" in what[0]
    assert "is not signed with the key" in what[1]


@pytest.mark.parametrize("change", ["size = 15", "root = sha256(root)", "note = replace(note, '16', '17')"])
def test_an_altered_checkpoint_is_named(book: Audited, change: str) -> None:
    book.sql(f"update daybook.checkpoints set {change}")

    what = [problem.what for problem in book.verify().problems]

    assert any(one.startswith("checkpoint 1 (of ") for one in what)


def test_nothing_is_signed_over_a_log_that_was_altered(book: Audited) -> None:
    book.sql("update daybook.events set payload = 'forged' where log_index = 3")
    recompute_nodes(book.database, book.log, 3)

    with pytest.raises(RefusedError, match="Nothing was signed"):
        book.auditor.checkpoint()
    assert len(book.sql("select size from daybook.checkpoints")) == 1


def test_an_unchanged_log_is_signed_once(book: Audited) -> None:
    first, second = book.auditor.checkpoint(), book.auditor.checkpoint()

    assert (first.fresh, second.fresh, first.note == second.note) == (True, False, True)
    assert [row[0] for row in book.sql("select size from daybook.checkpoints order by size")] == [16, 24]


def test_a_home_without_the_book_s_key_signs_nothing_but_verifies(book: Audited, tmp_path: Path) -> None:
    elsewhere = book.in_home(tmp_path / "elsewhere")

    with pytest.raises(KeyringError, match="Nothing was signed"):
        elsewhere.checkpoint()
    assert elsewhere.verify().ok
    assert (book.verify().pinned, elsewhere.verify().pinned) == (True, False)
    assert (book.home / "keys" / "signing.key").stat().st_mode & 0o777 == 0o600


def test_an_incremental_check_reads_on_from_the_last_good_one(book: Audited) -> None:
    assert book.verify(incremental=True).skipped == 0
    assert book.verify(incremental=True).skipped == 16
    book.append(3, UUID(int=7))
    book.auditor.checkpoint()
    found = book.verify(incremental=True)
    assert (found.ok, found.skipped, found.events) == (True, 16, 27)
    assert book.verify(incremental=True).skipped == 27

    book.append(2)
    book.sql("update daybook.events set version = version + 1 where log_index = 28")
    assert {problem.log_index for problem in book.verify(incremental=True).problems} == {27, 28}


def test_what_is_no_checkpoint_is_refused(book: Audited) -> None:
    with pytest.raises(InvalidInputError, match="Nothing was verified"):
        book.verify(since="no checkpoint")


def test_random_tampering_is_always_found_and_named(book: Audited) -> None:
    """Sixty at random; benchmarks/tamper.py tries as many as it is told to."""
    book.auditor.checkpoint()
    chance = random.Random(7)
    for _ in range(60):
        with tamper(book.database, book.log, book.auditor, chance) as done:
            found = book.verify()
            assert not found.ok, done.what
            assert done.named(found), (done.what, found.problems)
    assert book.verify().ok
