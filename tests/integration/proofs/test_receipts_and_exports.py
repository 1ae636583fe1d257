"""Receipts and exports of every size pass the offline check, and stop passing it when a byte is altered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from application.errors import NotProvedError
from application.ports.log import Origin
from domain.conversation.conversation import Conversation
from domain.errors import InvalidInputError, NotFoundError, RefusedError
from domain.ids import new_id
from infrastructure.proofs import offline
from infrastructure.proofs.auditor import Offline, PostgresAuditor
from tests.integration.proofs.conftest import SIZE, Audited
from tests.support.events import request
from tests.support.write_side import keyring_of, log_on

ORIGIN = Origin("ada", "cli")


def test_every_event_has_a_receipt(book: Audited) -> None:
    key = offline.parse_key(book.auditor.key())

    for index in range(SIZE):
        document = json.loads(book.auditor.receipt(index))
        assert f"event {index} " in offline.check_receipt(document, key)
        del document["event"]["payload"]  # what is proved does not need the ciphertext
        offline.check_receipt(document, key)
    assert len(book.sql("select size from daybook.checkpoints")) == 2  # one more, for those after the first


def test_an_altered_receipt_proves_nothing(book: Audited, tmp_path: Path) -> None:
    key = book.auditor.key()
    good = json.loads(book.auditor.receipt(5))
    file = tmp_path / "receipt"
    bad = [
        {**good, "event": {**good["event"], field: value}}
        for field, value in {
            "log_index": 6, "version": 9, "type": "x", "time": "2020-01-01T00:00:00Z", "payload": "AAAA",
            "payload_sha256": "00" * 32, "metadata_sha256": "zz", "stream_id": "x",
        }.items()
    ]  # fmt: skip
    bad += [
        {**good, "proof": good["proof"][:-1]},
        {**good, "proof": ["x"]},
        {**good, "checkpoint": good["checkpoint"].replace("\n16\n", "\n17\n")},
        {**good, "format": "other"},
        {"format": offline.RECEIPT},
        [],
    ]

    for document in bad:
        file.write_text(json.dumps(document))
        with pytest.raises(NotProvedError):
            Offline().receipt(file, key)
    file.write_bytes(b"\xff")
    with pytest.raises(NotProvedError):
        Offline().receipt(file, key)
    file.write_text(json.dumps(good))
    assert "event 5 " in Offline().receipt(file, key)
    with pytest.raises(InvalidInputError):
        Offline().receipt(file, "no key")
    with pytest.raises(InvalidInputError):
        Offline().receipt(tmp_path / "none", key)


def test_no_receipt_is_made_of_what_was_altered_or_is_not_there(book: Audited) -> None:
    book.sql("update daybook.events set payload = 'forged' where log_index = 5")

    with pytest.raises(RefusedError, match="altered"):
        book.auditor.receipt(5)
    with pytest.raises(NotFoundError):
        book.auditor.receipt(99)


def test_an_extension_is_proved(book: Audited) -> None:
    key = offline.parse_key(book.auditor.key())
    [(old,)] = book.sql("select note from daybook.checkpoints")

    document = json.loads(book.auditor.extension(str(old)))

    assert "the log of 24 events extends the log of 16" in offline.check_receipt(document, key)
    document["proof"][0] = "00" * 32
    with pytest.raises(offline.ProofError):
        offline.check_receipt(document, key)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 600])
def test_an_export_of_any_size_is_whole(empty: Audited, tmp_path: Path, size: int) -> None:
    if size:
        empty.log.append(request(count=size))
    folder = tmp_path / "export"

    empty.auditor.export(folder, reveal=False)

    assert f"{size} events" in Offline().export(folder, empty.auditor.key())
    for path in sorted(folder.rglob("*"), key=str)[-4:]:
        if path.is_file() and path.stat().st_size:
            whole = path.read_bytes()
            path.write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
            with pytest.raises(NotProvedError):
                Offline().export(folder, empty.auditor.key())
            path.write_bytes(whole)


def test_an_export_of_an_altered_log_is_refused(book: Audited, tmp_path: Path) -> None:
    book.auditor.checkpoint()
    book.sql("update daybook.events set payload = 'forged' where log_index = 5")

    with pytest.raises(RefusedError, match="altered"):
        book.auditor.export(tmp_path / "export", reveal=False)


def test_a_revealed_export_says_what_was_said_but_not_what_was_erased(book: Audited, tmp_path: Path) -> None:
    keyring = keyring_of(book.database)
    conversations = [Conversation.start(new_id(), project_id=None, title=title) for title in ("kept", "gone")]
    for conversation in conversations:
        log_on(book.database, keyring).save([conversation], ORIGIN)
    book.sql("delete from daybook.events where type = 'test.happened'")
    book.sql("delete from daybook.data_keys where owner_id = %s", conversations[1].id)
    book.sql("insert into daybook.tombstones (owner_id) values (%s)", conversations[1].id)
    fresh = keyring_of(book.database)
    from infrastructure.postgres.log import EventLog
    from infrastructure.proofs.export import revealed

    shown = [revealed(row, fresh)["title"] for row in EventLog(book.database).read(0, 100)]

    assert shown == ["kept", None]
    assert PostgresAuditor(book.database, tmp_path, lambda: fresh.book_id).find_event(new_id()) is None
