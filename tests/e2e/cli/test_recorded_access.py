"""Who read or exported what, where a setting asks for it: in the log, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_process import Daybook
from tests.support.http_server import RunningServer


@pytest.fixture(scope="module")
def watched(new_cli: Callable[[], Daybook]) -> Daybook:
    """A book whose readers are written down, with one conversation."""
    made = new_cli().with_settings(DAYBOOK_RECORD_ACCESS="all")
    made("ask", "Who reads me?")
    return made


def told(daybook: Daybook, since: int) -> list[dict[str, Any]]:
    found = daybook("audit", "log", "--type", "disclosure.*", "--since", str(since), "--json").out
    return [json.loads(line) for line in found.splitlines()]


def test_what_is_shown_searched_and_taken_out_stands_in_the_log(watched: Daybook, tmp_path: Path) -> None:
    conversation = watched.last()["id"]
    since = watched.log_size()
    watched("show", conversation)
    watched("search", "reads")
    watched("explain", "@last")
    watched("show", conversation, "--as-of", str(since - 1))
    watched("export", conversation, "-o", str(tmp_path / "out.json"))
    watched("audit", "export", str(tmp_path / "log"))
    watched("backup", str(tmp_path / "book.daybook"))
    events = told(watched, since)
    assert [(one["type"].partition(".")[2], one.get("about")) for one in events] == [
        ("shown", conversation),
        ("shown", None),
        ("shown", conversation),
        ("shown", conversation),
        ("shown", conversation),
        ("exported", conversation),
        ("exported", None),
        ("exported", None),
    ]
    assert {one["source"] for one in events} == {"cli"}
    listed = watched("audit", "log", "--conversation", conversation, "--type", "disclosure.exported").out
    assert f"→ {conversation[-8:]}" in listed
    watched("audit", "verify")


def test_lists_and_the_log_itself_are_not_written_down(watched: Daybook) -> None:
    since = watched.log_size()
    watched("list")
    watched("stats")
    watched("audit", "log")
    assert watched.log_size() == since


def test_by_default_nothing_is_and_exports_alone_may_be(watched: Daybook, tmp_path: Path) -> None:
    since = watched.log_size()
    unwatched = watched.with_settings(DAYBOOK_RECORD_ACCESS="off")
    unwatched("show", "@last")
    unwatched("export", "@last", "-o", str(tmp_path / "a.md"))
    assert watched.log_size() == since
    some = watched.with_settings(DAYBOOK_RECORD_ACCESS="exports")
    some("show", "@last")
    some("export", "@last", "-o", str(tmp_path / "b.md"))
    assert [one["type"] for one in told(watched, since)] == ["disclosure.exported"]
    refused = watched.with_settings(DAYBOOK_RECORD_ACCESS="sometimes")("show", "@last", expect=2)
    assert "off, exports or all" in refused.err


def test_a_server_says_who_with_the_name_of_the_token(watched: Daybook, tmp_path: Path) -> None:
    conversation = watched.last()["id"]
    token = watched("token", "create", "auditor's friend", "--scope", "read", "--json").json
    settings = {"DAYBOOK_RECORD_ACCESS": "all"}
    with RunningServer(
        watched.settings["DAYBOOK_DATABASE_URL"],
        Path(watched.settings["DAYBOOK_HOME"]),
        watched.settings["DAYBOOK_OLLAMA_URL"],
        settings=settings,
    ) as running:
        since = watched.log_size()
        reader = running.client(headers={"Authorization": f"Bearer {token['token']}"})
        with reader:
            reader.get(f"/api/v1/conversations/{conversation}").raise_for_status()
            reader.get(f"/api/v1/conversations/{conversation}/messages").raise_for_status()
            reader.get("/api/v1/search", params={"q": "reads"}).raise_for_status()
            reader.get("/api/v1/export").raise_for_status()
        events = told(watched, since)
    whole = [(one["type"], one.get("about"), one["source"]) for one in events]
    assert whole[-2:] == [("disclosure.shown", None, "api"), ("disclosure.exported", None, "api")]
    assert ("disclosure.shown", conversation, "api") in whole[:-2]
    assert {one["actor_name"] for one in events} == {"auditor's friend"}
