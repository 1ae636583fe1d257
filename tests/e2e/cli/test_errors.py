"""Everything that gets an error: the exit code, what is said, and that nothing a person typed is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli_process import Daybook, read_some
from tests.support.postgres_server import PostgresServer


@pytest.mark.parametrize(
    ("args", "stdin", "said"),
    [
        (["ask"], b"", "is empty"),
        (["ask", "  \n "], b"", "is empty"),
        (["ask", "what is this"], b"caf\xe9", "not valid UTF-8: byte 3 is 0xe9"),
        (["ask"], b"one\0two", "NUL character at position 3"),
        (["ask", b"half \xed\xa0\x80"], b"", "not valid UTF-8"),
        (["ask"], b"x" * 10_000_000, "too large"),
        (["ask", "-c", "--cid", "abcd", "hi"], b"", "not both"),
        (["ask", "-x", "--json", "hi"], b"", "not both"),
        (["ask", "-o", "temperature"], b"", "takes a key and a value"),
        (["ask", "-o", "num_ctx", "much", "hi"], b"", "num_ctx must be a whole number"),
        (["ask", "--cid", "xyz", "hi"], b"", "is no id"),
        (["show", "zz"], b"", "is no id"),
        (["search", " "], b"", "daybook:"),
        (["list", "--cursor", "nonsense"], b"", "cursor"),
        (["nonsense"], b"", "No such command"),
        (["ask", "--nonsense"], b"", "No such option"),
        (["projections", "rebuild"], b"", "--all"),
        (["config", "set", "nonsense", "x"], b"", "no setting"),
    ],
)
def test_invalid_input_is_refused_and_nothing_is_recorded(
    daybook: Daybook, args: list[str | bytes], stdin: bytes, said: str
) -> None:
    size = daybook.log_size()
    ran = daybook(*args, stdin=stdin, expect=2)
    assert said in ran.err
    assert not ran.out
    assert daybook.log_size() == size


def test_ten_megabytes_are_refused_before_they_are_all_read(daybook: Daybook) -> None:
    began = time.monotonic()
    process = daybook.begin("ask", stdin=-1)
    assert process.stdin is not None
    refused = False
    while not refused and time.monotonic() < began + 50:
        try:
            os.write(process.stdin.fileno(), b"x" * 65536)
        except BrokenPipeError:
            refused = True
    assert refused
    assert process.wait(10) == 2
    process.stdin.close()
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        stream.close()


@pytest.mark.parametrize("command", [["show"], ["rename", "X"], ["archive"], ["restore"]])
def test_an_unknown_id_is_not_found(daybook: Daybook, command: list[str]) -> None:
    name, *more = command
    ran = daybook(name, "deadbeef", *more, expect=3)
    assert "deadbeef" in ran.err
    assert "daybook list" in ran.err


def test_an_id_that_fits_several_is_refused_and_they_are_named(daybook: Daybook) -> None:
    first = daybook("ask", "ambiguous one", "--json").json["conversation_id"]
    second = daybook("ask", "ambiguous two", "--json").json["conversation_id"]
    ran = daybook("show", first[:4], expect=2)
    assert "ambiguous" in ran.err
    assert second in ran.err


def test_a_model_server_that_is_down_loses_no_prompt(daybook: Daybook, nobody: str) -> None:
    ran = daybook.with_settings(DAYBOOK_OLLAMA_URL=f"http://{nobody}")("ask", "are you there", expect=5)
    assert nobody in ran.err
    assert "recorded" in ran.err
    prompt, answer = daybook.last()["messages"]
    assert (prompt["text"], answer["status"], answer["reason"]) == ("are you there", "failed", "unreachable")


def test_a_missing_model_without_a_terminal_names_the_command_to_run(daybook: Daybook) -> None:
    ran = daybook("ask", "-m", "not-there:7b", "hello missing", expect=5)
    assert "daybook models pull not-there:7b" in ran.err
    prompt, answer = daybook.last()["messages"]
    assert (prompt["text"], answer["status"], answer["reason"]) == (
        "hello missing",
        "failed",
        "model-missing",
    )


def test_a_prompt_too_long_for_the_context_is_kept(daybook: Daybook) -> None:
    ran = daybook("ask", "-o", "num_ctx", "64", "word " * 2000, expect=5)
    assert "recorded" in ran.err
    answer = daybook.last()["messages"][-1]
    assert (answer["status"], answer["reason"]) == ("failed", "context-too-long")


@pytest.mark.parametrize("mode", ["cut", "failing", "unfinished", "garbage"])
def test_an_answer_that_breaks_off_keeps_what_came(daybook: Daybook, mode: str) -> None:
    ran = daybook("ask", "-m", f"simulator-{mode}", "--json", f"hello {mode}", expect=5)
    assert ran.json["status"] == "failed"
    answer = daybook.last()["messages"][-1]
    assert answer["status"] == "failed"
    assert answer["text"] == ran.json["text"] != ""


def test_two_writers_on_one_conversation_end_in_a_clear_conflict(daybook: Daybook) -> None:
    process = daybook.begin("ask", "-m", "simulator-stall", "--no-think", "the first writer")
    assert read_some(process)
    ran = daybook("ask", "-c", "the second writer", expect=4)
    assert "still being written" in ran.err
    process.terminate()
    process.communicate(timeout=30)
    assert [message["status"] for message in daybook.last()["messages"]] == [None, "interrupted"]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, "interrupted"), (signal.SIGINT, "cancelled")]
)
def test_a_signal_while_answering_keeps_what_came(
    daybook: Daybook, number: signal.Signals, status: str
) -> None:
    process = daybook.begin("ask", "-m", "simulator-slow", "--no-think", f"hello {status}")
    assert read_some(process)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"is kept" in said
    assert b"daybook show " in said
    answer = daybook.last()["messages"][-1]
    assert answer["status"] == status
    assert answer["text"]


def test_a_second_interrupt_leaves_at_once(daybook: Daybook) -> None:
    process = daybook.begin("ask", "-m", "simulator-stall", "--no-think", "hello twice")
    assert read_some(process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert daybook.last()["messages"][-1]["status"] in {"cancelled", "interrupted"}


def test_a_database_that_goes_away_while_answering_loses_nothing(
    own_postgres: PostgresServer, daybook: Daybook, tmp_path: Path
) -> None:
    own = daybook.with_settings(DAYBOOK_DATABASE_URL=own_postgres.url, DAYBOOK_HOME=str(tmp_path))
    process = own.begin("ask", "-m", "simulator-slow", "--no-think", "hello restart")
    assert read_some(process)
    own_postgres.stop(signal.SIGQUIT)
    time.sleep(0.5)
    own_postgres.start()
    text, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    answer = own.last()["messages"][-1]
    assert answer["status"] == "complete"
    assert text.decode().strip().endswith(answer["text"][-20:])


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://daybook@{nobody}/daybook", "{nobody}"),
        ("nonsense", "daybook:"),
        ("mysql://x/y", "daybook:"),
    ],
)
def test_a_database_that_cannot_be_reached_is_said(
    daybook: Daybook, nobody: str, url: str, said: str
) -> None:
    host, _, port = nobody.partition(":")
    ran = daybook.with_settings(DAYBOOK_DATABASE_URL=url.format(nobody=nobody))("ask", "hello", expect=6)
    assert said.format(nobody=port) in ran.err
    assert host


def test_a_home_that_cannot_be_written_is_said(daybook: Daybook, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    ran = daybook.with_settings(DAYBOOK_HOME=str(tmp_path / "file" / "home"))("ask", "hello", expect=None)
    assert ran.code in {2, 6}
    assert str(tmp_path / "file") in ran.err


def test_a_missing_master_key_stops_everything(daybook: Daybook, tmp_path: Path) -> None:
    daybook("ask", "make a key")
    ran = daybook.with_settings(DAYBOOK_HOME=str(tmp_path))("list", expect=6)
    assert "master key" in ran.err


def test_a_wrong_master_key_stops_everything(
    daybook: Daybook, new_cli: Callable[[], Daybook], tmp_path: Path
) -> None:
    other = new_cli()
    other("ask", "make another key")
    key = Path(other.settings["DAYBOOK_HOME"]) / "keys" / "master.key"
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "keys" / "master.key").write_bytes(key.read_bytes())
    (tmp_path / "keys" / "master.key").chmod(0o600)
    size = daybook.log_size()
    ran = daybook.with_settings(DAYBOOK_HOME=str(tmp_path))("ask", "hello", expect=6)
    assert "key" in ran.err
    assert daybook.log_size() == size
