"""Every command, with a book of this machine and with one behind a server: the same comes of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer

from interfaces.cli.app import app
from tests.e2e.remote.scenarios import (
    NOTHING_YET,
    ON_THE_SERVERS_MACHINE,
    ON_THIS_MACHINE,
    SCENARIOS,
    TERMINAL_ONLY,
)
from tests.support.cli_process import Daybook
from tests.support.two_ways import both_ways

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_comes_of_it(twins: tuple[Daybook, Daybook], name: str) -> None:
    both_ways(*twins, SCENARIOS[name])


def test_the_same_is_said_of_an_empty_book(empty_here: Daybook, empty_there: Daybook) -> None:
    both_ways(empty_here, empty_there, NOTHING_YET)


def test_what_a_shell_is_offered_comes_from_the_server(there: Daybook) -> None:
    asked = there("ask", "--json", "A question to be completed").json
    there("project", "create", "Completed")

    def offered(*words: str) -> list[str]:
        return there("__complete", "zsh", *words).out.splitlines()[1:]

    assert f"{asked['conversation_id'][-8:]}\tA question to be completed" in offered("show", "")
    assert asked["answer_id"][-8:] in {line.split("\t")[0] for line in offered("note", "")}
    assert "Completed" in offered("list", "--project", "")
    assert "deepseek-r1:8b\tthe default" in offered("ask", "--model", "")


def test_an_export_is_the_same_files_and_whole(there: Daybook, tmp_path: Path) -> None:
    there("ask", "export me")
    key = there("audit", "key").out.strip()
    there("audit", "export", str(tmp_path / "log"), "--reveal")
    there("audit", "verify-export", str(tmp_path / "log"), "--key", key)
    assert "export me" in (tmp_path / "log" / "events.ndjson").read_text(encoding="utf-8")
    again = there("audit", "export", str(tmp_path / "log"), expect=2)
    assert "is not empty" in again.err
    there("audit", "receipt", "@last", "-o", str(tmp_path / "receipt.json"))
    there("audit", "check-receipt", str(tmp_path / "receipt.json"), "--key", key)
    there("audit", "checkpoint", "-o", str(tmp_path / "kept"))
    there("ask", "and on")
    there("audit", "verify", "--since", str(tmp_path / "kept"))
    there("audit", "extension", str(tmp_path / "kept"), "-o", str(tmp_path / "extension.json"))
    there("audit", "check-receipt", str(tmp_path / "extension.json"), "--key", key)


@pytest.mark.parametrize("name", ON_THE_SERVERS_MACHINE)
def test_what_belongs_to_the_servers_machine_says_so(there: Daybook, name: str) -> None:
    ran = there(*name.split(), *ON_THE_SERVERS_MACHINE[name], expect=4)
    assert "server" in ran.err
    assert "→" in ran.err
    assert not ran.out


def test_what_goes_out_there_comes_in_here_and_back_once(
    here: Daybook, there: Daybook, tmp_path: Path
) -> None:
    there("ask", "Carry me over")
    there("tag", "@last", "+carried")
    file = tmp_path / "out.json"
    there("export", "@last", "--format", "json", "-o", str(file))
    assert "is there already" in there("export", "@last", "--format", "json", "-o", str(file), expect=2).err
    assert here("import", str(file), "--json").json["new_count"] == 1
    assert "Carry me over" in here("list", "--tag", "carried").out
    assert here("import", str(file), "--json").json["unchanged_count"] == 1
    assert there("import", str(file), "--json").json["unchanged_count"] == 1


def test_changes_beside_a_database_of_llm_are_told_on_either_way(
    here: Daybook, there: Daybook, tmp_path: Path
) -> None:
    file = tmp_path / "logs.db"
    with closing(sqlite3.connect(file)) as logs:
        logs.execute("create table responses (id, prompt, response, datetime_utc)")
        logs.execute("insert into responses values ('r', 'Hi', 'Hello', '2024-05-06T07:08:09')")
        logs.commit()
    file.with_name("logs.db-wal").write_bytes(b"changes")
    for way in (here, there):
        found = way("import", str(file), "--json", expect=1).json
        assert (found["new_count"], found["left_out"][0]["name"]) == (1, "logs.db-wal")


def test_a_token_that_is_made_there_lets_in_there_and_its_revocation_holds(there: Daybook) -> None:
    made = there("token", "create", "made from afar", "--scope", "read", "--json").json
    reader = there.with_settings(DAYBOOK_SERVER_TOKEN=made["token"])
    reader("list")
    assert "scope" in reader("ask", "may I?", expect=4).err
    assert "scope" in reader("token", "list", expect=4).err
    there("token", "revoke", "made from afar")
    link = there("link").out.strip()
    assert link.startswith("http://127.0.0.1:")
    assert "/sign-in?code=" in link


def test_the_master_key_is_replaced_where_it_is(there: Daybook) -> None:
    assert "machine of the server" in there("keys", "rotate", "--master", "-y", expect=4).err


def test_a_book_is_restored_where_it_is(there: Daybook, tmp_path: Path) -> None:
    file = tmp_path / "book.daybook"
    file.write_bytes(b"")
    assert "machine of the server" in there("restore", str(file), expect=4).err
    assert "machine of the server" in there("restore", "-", expect=4).err


def test_every_command_is_tried_both_ways_or_has_its_place() -> None:
    known = set(all_commands())
    steps = [step for scenario in (NOTHING_YET, *SCENARIOS.values()) for step in scenario]
    tried = {
        next(one for one in (" ".join(step.args[:2]), step.args[0], f"{step.args[0]} start") if one in known)
        for step in steps
    } | {"audit export"}
    placed = ON_THIS_MACHINE | set(ON_THE_SERVERS_MACHINE) | TERMINAL_ONLY

    assert tried | placed == known
    assert tried & placed == set()


def all_commands() -> Iterator[str]:
    root: Any = typer.main.get_command(app)
    context = root.context_class(root)
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        if hasattr(command, "list_commands"):
            yield from (f"{name} {inner}" for inner in command.list_commands(context))
        else:
            yield name
