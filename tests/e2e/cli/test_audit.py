"""What `daybook audit` promises: the log proved, tampering named with exit 7, checks without a database."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from infrastructure.proofs import offline, signing
from tests.support.cli_process import Daybook

NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture(scope="module")
def audited(new_cli: Callable[[], Daybook]) -> Daybook:
    """A book of one conversation, signed by the key of its home."""
    made = new_cli()
    made("ask", "Why is the sea salty?")
    return made


def test_a_checkpoint_is_kept_and_the_log_proved_to_extend_it(audited: Daybook, tmp_path: Path) -> None:
    kept = tmp_path / "checkpoint"
    key = offline.parse_key(audited("audit", "key").out)
    audited("audit", "checkpoint", "-o", str(kept))
    audited("ask", "And the lakes?")

    stated = offline.signed_checkpoint(kept.read_text(), key)
    assert stated.origin.startswith("daybook/")
    found = audited("audit", "verify", "--since", str(kept), "--json").json
    assert list(found)[:5] == ["ok", "events", "root", "checkpoint", "problems"]
    assert (found["ok"], found["problems"]) == (True, [])
    assert found["events"] == audited.log_size() > stated.size

    proof = tmp_path / "extension"
    audited("audit", "extension", str(kept), "-o", str(proof))
    away = audited.with_settings(DAYBOOK_DATABASE_URL=NO_DATABASE)
    key_text = audited("audit", "key").out.strip()
    assert "extends the log of" in away("audit", "check-receipt", str(proof), "--key", key_text).out
    assert "is there already" in audited("audit", "checkpoint", "-o", str(kept), expect=2).err


def test_a_receipt_is_checked_without_a_database(audited: Daybook, tmp_path: Path) -> None:
    key = audited("audit", "key").out.strip()
    file = tmp_path / "receipt.json"
    answer = audited.last()["messages"][-1]["id"]
    audited("audit", "receipt", answer, "-o", str(file))
    away = audited.with_settings(DAYBOOK_DATABASE_URL=NO_DATABASE, DAYBOOK_HOME=str(tmp_path / "none"))

    assert "conversation.answer-completed" in away("audit", "check-receipt", str(file), "--key", key).out
    document = json.loads(file.read_text())
    assert document["event"]["stream_id"] == audited.last()["id"]
    document["event"]["type"] = "conversation.answer-failed"
    file.write_text(json.dumps(document))
    refused = away("audit", "check-receipt", str(file), "--key", key, expect=7)
    assert "proves nothing" in refused.err


def test_a_receipt_names_an_event_by_its_index_or_its_id(audited: Daybook) -> None:
    event = audited.events()[1]

    by_index = json.loads(audited("audit", "receipt", "1").out)
    by_id = json.loads(audited("audit", "receipt", event["id"]).out)

    assert by_index["event"]["event_id"] == by_id["event"]["event_id"] == event["id"]
    assert "its log has" in audited("audit", "receipt", "999", expect=3).err
    audited("audit", "receipt", "ffffffff", expect=3)


def test_the_last_answer_is_meant_by_last(audited: Daybook) -> None:
    shown = json.loads(audited("show", "@last", "--json").out)
    answer = shown["messages"][-1]["id"]

    assert json.loads(audited("audit", "receipt", "@last").out) == json.loads(
        audited("audit", "receipt", answer).out
    )


def test_an_export_is_checked_by_one_file_that_stands_alone(audited: Daybook, tmp_path: Path) -> None:
    folder, copy = tmp_path / "export", tmp_path / "check.py"
    key = audited("audit", "key").out.strip()
    audited("audit", "export", str(folder), "--reveal")
    copy.write_bytes(Path(offline.__file__).read_bytes())

    def check() -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", copy, folder, "--key", key], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout

    away = audited.with_settings(DAYBOOK_DATABASE_URL=NO_DATABASE, DAYBOOK_HOME=str(tmp_path / "none"))
    assert "whole" in away("audit", "verify-export", str(folder), "--key", key).out
    assert check()[0] == 0
    events = (folder / "events.ndjson").read_text()
    assert "Why is the sea salty?" in events
    (folder / "events.ndjson").write_text(events.replace('"version": 1', '"version": 9', 1))
    assert check() == (7, "NOT PROVED: line 1 of events.ndjson is not event 0 of the log\n")
    away("audit", "verify-export", str(folder), expect=7)
    audited("audit", "export", str(folder), expect=2)


def test_an_export_reveals_nothing_unasked(audited: Daybook, tmp_path: Path) -> None:
    audited("audit", "export", str(tmp_path))

    assert b"salty" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_one_flipped_byte_is_named_with_exit_7(empty_daybook: Daybook) -> None:
    daybook = empty_daybook
    daybook("ask", "What will be remembered?")
    daybook("audit", "checkpoint")
    assert daybook("audit", "verify").out.startswith("ok: ")
    with psycopg.connect(daybook.settings["DAYBOOK_DATABASE_URL"]) as connection:
        connection.execute(
            "update daybook.events set payload = set_byte(payload, 9, get_byte(payload, 9) # 1)"
            " where log_index = 1"
        )

    plain, as_json = daybook("audit", "verify", expect=7), daybook("audit", "verify", "--json", expect=7)

    assert plain.out.startswith("event 1 (stream ")
    assert "NOT WELL" in plain.out
    assert {one["log_index"] for one in as_json.json["problems"]} == {1, None}
    assert as_json.json["ok"] is False
    skipped = daybook("audit", "verify", "--incremental", expect=0)
    assert "Skipped: the first" in skipped.err


def test_verification_shows_its_progress_on_a_terminal(audited: Daybook) -> None:
    shown = audited.on_terminal("audit", "verify")
    shown.expect("ok: ")
    shown.wait()
    assert shown.exitstatus == 0


def test_the_signing_key_may_be_a_secret_instead_of_a_file(empty_daybook: Daybook, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(signing.to_text(b"k" * 32) + "\n")
    daybook = empty_daybook.with_settings(DAYBOOK_SIGNING_KEY_FILE=str(secret))

    key = daybook("audit", "key").out.strip()

    name = key.partition("+")[0]
    assert key == signing.SigningKey.from_secret(name, b"k" * 32).verifier
    assert not (Path(daybook.settings["DAYBOOK_HOME"]) / "keys" / "signing.key").exists()
    assert "Nothing was signed" in empty_daybook("audit", "checkpoint", expect=6).err
