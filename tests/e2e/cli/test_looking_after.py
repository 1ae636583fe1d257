"""Everything around asking: lists, projects, read models, settings, checks, the demo."""

from __future__ import annotations

import json
import os
import pty
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli_process import ROOT, Daybook


def test_an_empty_book_says_what_to_do(empty_daybook: Daybook) -> None:
    ran = empty_daybook("list")
    assert not ran.out
    assert "daybook ask" in ran.err
    assert empty_daybook("list", "--json").json == {"conversations": [], "next_cursor": None, "as_of": None}
    assert "no conversation yet" in empty_daybook("show", "@last", expect=3).err


def test_lists_go_on_where_they_ended(empty_daybook: Daybook) -> None:
    daybook = empty_daybook
    ids = [daybook("ask", "--no-think", f"number {n}", "--json").json["conversation_id"] for n in range(3)]
    page = daybook("list", "-n", "2", "--json").json
    assert [one["id"] for one in page["conversations"]] == [ids[2], ids[1]]
    rest = daybook("list", "-n", "2", "--cursor", page["next_cursor"], "--json").json
    assert [one["id"] for one in rest["conversations"]] == [ids[0]]
    assert rest["next_cursor"] is None
    table = daybook("list").out.splitlines()
    assert table[0].split() == ["ID", "TITLE", "PROJECT", "MESSAGES", "WHEN"]
    assert [line.split()[0] for line in table[1:]] == [identifier[-8:] for identifier in reversed(ids)]


def test_conversations_are_renamed_archived_and_brought_back(empty_daybook: Daybook) -> None:
    daybook = empty_daybook
    daybook("ask", "hello")
    assert "Renamed: A better title (" in daybook("rename", "@last", "A", "better", "title").err
    assert daybook("list", "--json").json["conversations"][0]["title"] == "A better title"
    daybook("archive", "@last")
    assert daybook("list", "--json").json["conversations"] == []
    assert len(daybook("list", "--archived", "--json").json["conversations"]) == 1
    assert "archived" in daybook("ask", "-c", "more", expect=4).err
    done = daybook("restore", "@last", "--json").json
    assert done["log_size"] == daybook.log_size()
    daybook("ask", "-c", "more")


def test_a_project_groups_conversations_and_instructs_their_answers(empty_daybook: Daybook) -> None:
    daybook = empty_daybook
    made = daybook("project", "create", "Garden", "-s", "Be green.", "-m", "deepseek-r1:1.5b", "--json").json
    answered = daybook("ask", "--project", "Garden", "--no-think", "hello", "--json").json
    assert answered["model"] == "deepseek-r1:1.5b"
    assert "instructions to follow" in answered["text"]
    assert (
        daybook("list", "--project", made["id"][-6:], "--json").json["conversations"][0]["project_id"]
        == made["id"]
    )
    assert "Renamed: Big garden (" in daybook("project", "rename", "Garden", "Big", "garden").err
    daybook("project", "describe", "Big garden", "All that grows")
    daybook("project", "model", "Big garden", "--clear")
    daybook("project", "instructions", "Big garden", "-", stdin=b"Be very green.\n")
    shown = daybook("project", "show", "Big garden", "--json").json
    assert (shown["description"], shown["instructions"], shown["default_model"]) == (
        "All that grows",
        "Be very green.",
        None,
    )
    daybook("project", "archive", "Big garden")
    assert daybook("project", "list", "--json").json["projects"] == []
    assert "archived" in daybook("ask", "--project", "Big garden", "hello", expect=4).err
    daybook("project", "restore", "Big garden")
    assert "Big garden" in daybook("project", "list").out
    assert daybook("project", "show", "nothing", expect=3).err


@pytest.mark.parametrize("part", ["instructions", "description", "model"])
def test_a_part_of_a_project_is_shown_and_goes_only_when_told_to(daybook: Daybook, part: str) -> None:
    command = ("project", "describe" if part == "description" else part, f"Shown {part}")
    field = "default_model" if part == "model" else part
    daybook("project", "create", f"Shown {part}", f"--{part}", "kept:1")
    size = daybook.log_size()
    shown = daybook(*command)
    assert shown.out == "kept:1\n"
    assert "--clear" in shown.err
    assert daybook(*command, "--json").json[field] == "kept:1"
    assert "--clear" in daybook(*command, "", expect=2).err
    daybook(*command, "other", "--clear", expect=2)
    if part != "model":
        assert "empty" in daybook(*command, "-", expect=2).err
    assert daybook.log_size() == size
    if part != "model":
        daybook(*command, stdin=b"piped\n")
        assert daybook(*command).out == "piped\n"
    daybook(*command, "--clear")
    assert not daybook(*command).out


def test_read_models_are_rebuilt_and_show_the_same(daybook: Daybook) -> None:
    daybook("ask", "hello rebuild")
    before = daybook("show", "@last", "--json").json
    daybook("projections", "rebuild", "--all")
    daybook("projections", "rebuild", "search")
    assert daybook("show", "@last", "--json").json == before
    status = daybook("projections", "status", "--json").json
    assert status["log_size"] == daybook.log_size()
    for one in status["read_models"]:
        assert {"name", "version", "position", "lag", "quarantined"} <= one.keys()
        assert (one["position"], one["lag"]) == (status["log_size"], 0)
    assert "no read model" in daybook("projections", "rebuild", "nonsense", expect=None).err


def test_the_log_is_listed_without_content(daybook: Daybook) -> None:
    daybook("ask", "--no-think", "xylophone")
    assert "xylophone" not in daybook("audit", "log").out
    newest = daybook.events("-n", "1")
    assert newest[0]["log_index"] == daybook.log_size() - 1
    assert [event["log_index"] for event in daybook.events("--since", "1", "-n", "2")] == [1, 2]
    keys = {"log_index", "id", "type", "stream", "version", "at", "actor", "source", "correlation_id"}
    assert keys <= newest[0].keys()
    size = daybook.log_size()
    beyond = daybook("audit", "log", "--since", str(size))
    assert beyond.err.startswith(f"No event there; the log holds {size:,}, the last of 2")
    assert not beyond.out
    assert daybook.events("--since", "yesterday") == daybook.events()
    assert daybook.events("--until", "yesterday") == daybook.events("--since", "tomorrow") == []
    assert [event["log_index"] for event in daybook.events("--until", "2")] == [0, 1]


def test_models_are_listed_shown_and_recommended(daybook: Daybook) -> None:
    models = {one["name"]: one for one in daybook("models", "list", "--json").json["models"]}
    assert models["deepseek-r1:8b"]["default"]
    assert daybook("models", "show", "--json").json["name"] == "deepseek-r1:8b"
    assert "deepseek-r1:70b" in daybook("models", "recommend").out
    assert {one["name"] for one in daybook("models", "recommend", "--json").json["models"]} >= {
        "deepseek-r1:1.5b"
    }
    assert "is on the model server" in daybook("models", "pull", "deepseek-r1:7b").err
    assert daybook("models", "show", "not-there", expect=5).err


def test_settings_are_written_seen_and_taken_back(daybook: Daybook, tmp_path: Path) -> None:
    own = daybook.with_settings(DAYBOOK_CONFIG=str(tmp_path / "config.toml"))
    own("config", "set", "model", "llama3:8b")
    assert own("config", "get", "model").out == "llama3:8b\n"
    found = {one["key"]: one for one in own("config", "list", "--json").json["settings"]}
    assert found["model"]["origin"] == str(tmp_path / "config.toml")
    assert found["database_url"]["value"] == "(secret)"
    shadowed = own.with_settings(DAYBOOK_MODEL="other")("config", "set", "model", "third")
    assert "goes first" in shadowed.err
    own("config", "unset", "model")
    assert own("config", "get", "model", "--json").json["value"] == "deepseek-r1:8b"
    assert "config.toml" in own("paths").out
    assert own("paths", "--json").json["config"] == str(tmp_path / "config.toml")


def test_flags_before_the_command_go_first(daybook: Daybook, nobody: str) -> None:
    assert nobody in daybook("--ollama-url", f"http://{nobody}", "models", "list", expect=5).err


def test_the_doctor_finds_what_is_wrong_and_says_the_fix(daybook: Daybook, nobody: str) -> None:
    well = daybook("doctor", "--json").json
    assert well["ok"]
    assert {"database", "migrations", "model server", "default model", "disk", "clock", "keys"} <= {
        check["name"] for check in well["checks"]
    }
    ill = daybook.with_settings(DAYBOOK_OLLAMA_URL=f"http://{nobody}")("doctor", expect=7)
    assert "FAIL  model server" in ill.out
    missing = daybook.with_settings(DAYBOOK_MODEL="not-there")("doctor", expect=7)
    assert "daybook models pull not-there" in missing.out


def test_the_database_is_described_and_a_named_one_is_not_stopped(daybook: Daybook) -> None:
    status = daybook("db", "status", "--json").json
    assert (status["kind"], status["running"], status["pending"]) == ("server", True, [])
    assert daybook("db", "url").out.strip() == daybook.settings["DAYBOOK_DATABASE_URL"]
    assert "all migrations are applied" in daybook("db", "migrate").err
    assert "cannot be stopped" in daybook("db", "stop", expect=4).err


def test_an_unforeseen_error_is_one_line_and_its_report_holds_no_content(
    daybook: Daybook, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import application.conversations as c\n"
        "def broken(*_): raise ValueError('secret zebra')\n"
        "c.checked_text = broken\n"
    )
    own = daybook.with_settings(PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    ran = own.as_process("ask", "secret zebra", expect=1)
    assert "ValueError" in ran.err
    assert "zebra" not in ran.err
    report = Path(ran.err.split()[-1])
    assert report.parent == Path(daybook.settings["DAYBOOK_HOME"]) / "state"
    assert "zebra" not in report.read_text()
    assert "conversations.py" in report.read_text()


def test_a_reader_that_leaves_early_is_no_error(daybook: Daybook) -> None:
    process = daybook.begin("audit", "log", "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(30) in {0, -signal.SIGPIPE}
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_styles_appear_only_on_a_terminal(daybook: Daybook) -> None:
    daybook("ask", "What has a style?")  # or there is no table to style
    assert "\x1b[" not in daybook("list").out
    ours, theirs = pty.openpty()
    process = daybook.with_settings(NO_COLOR="1").begin("list", stdout=theirs)
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        text += piece
    process.communicate()
    os.close(ours)
    assert b"TITLE" in text
    assert b"\x1b[3" not in text


def test_version_and_help_need_nothing(daybook: Daybook) -> None:
    nowhere = Daybook({"DAYBOOK_DATABASE_URL": "nonsense", "DAYBOOK_HOME": "/nonexistent"})
    assert nowhere.as_process("-V").out.startswith("daybook ")
    assert "simulate-ollama" in nowhere("-h").out
    assert daybook.settings
    assert "--idempotency-key" in nowhere("ask", "-h").out
    assert "Usage" in nowhere(expect=None).err + nowhere(expect=None).out


@pytest.mark.slow
def test_the_demo_needs_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    settings = {"TMPDIR": str(tmp_path), "DAYBOOK_DATABASE_URL": "nonsense", "OLLAMA_HOST": "nowhere.invalid"}
    tmp_path.chmod(0o755)
    ran = Daybook(settings).as_process("demo")
    assert "a simulator gives them, not a model" in ran.out
    assert "conversation.answer-completed" in ran.out
    assert "«record»" in ran.out
    assert "ok: 7 events" in ran.out
    assert "\nevent 1 (stream " in ran.out, "the flipped byte was not found"
    assert "daybook models pull deepseek-r1:8b" in ran.out
    assert list(tmp_path.iterdir()) == []
    assert json.dumps(ran.err) == '""'


def test_what_others_asked_is_not_taken_for_an_empty_book(
    new_cli: Callable[[], Daybook], tmp_path: Path
) -> None:
    theirs = new_cli()
    theirs("ask", "Who asked this?")
    key = tmp_path / "key.json"
    phrase = tmp_path / "phrase"
    phrase.write_text("a long enough phrase")
    theirs("keys", "export", str(key), "--passphrase-file", str(phrase))
    ours = theirs.with_settings(DAYBOOK_HOME=str(tmp_path / "home"))
    ours("keys", "import", str(key), "--passphrase-file", str(phrase))
    assert "others have" in ours("show", "@last", expect=3).err
    assert "Who asked this?" in ours("list").out
