"""The audit report: what a period held, on a terminal, as JSON and as a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli_process import Daybook


@pytest.fixture(scope="module")
def busy(new_cli: Callable[[], Daybook]) -> Daybook:
    """A book in which there was something of everything."""
    made = new_cli().with_settings(DAYBOOK_RECORD_ACCESS="exports")
    made("ask", "What shall I keep?")
    made("hold", "add", "@last", "--reason", "a lawsuit")
    made("ask", "What shall I erase?")
    made("export", "@last", "--format", "md")
    made("erase", "@last", "--yes")
    made("token", "create", "<b>reader</b>", "--scope", "read", "--json")
    made("audit", "checkpoint")
    made("ask", "And after that?")
    return made


def test_it_counts_and_names_what_happened(busy: Daybook) -> None:
    size = busy.log_size()
    found = busy("audit", "report", "--json").json
    assert (found["event_count"], found["log_size"]) == (size, size)
    assert (found["first_index"], found["last_index"]) == (0, size - 1)
    assert sum(one["event_count"] for one in found["kinds"]) == size
    assert sum(one["event_count"] for one in found["spans"]) == size
    assert [one["event_count"] for one in found["actors"]] == [size]
    assert [one["answer_count"] for one in found["models"]] == [3]
    named = {
        group: [one["type"] for one in found[group]["events"]]
        for group in ("erasures", "holds", "exports", "letting_in")
    }
    assert named == {
        "erasures": ["conversation.erased"],
        "holds": ["conversation.held"],
        "exports": ["disclosure.exported"],
        "letting_in": ["token.created"],
    }
    signed = found["signed"]
    assert signed["checkpoint_count"] == 1
    assert signed["last"]["event_count"] + signed["unsigned_count"] == size
    counted = [json.loads(line) for line in busy("audit", "log", "--json").out.splitlines()]
    assert len(counted) == size


def test_a_terminal_says_the_same(busy: Daybook) -> None:
    told = busy("audit", "report").out
    for word in ("conversation.erased", "conversation.held", "disclosure.exported", "1 signed"):
        assert word in told
    assert "are in none yet: daybook audit checkpoint" in told


def test_the_page_needs_nothing_else_and_shows_names_as_text(busy: Daybook, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    told = busy("audit", "report", "--html", str(page)).err
    assert str(page) in told
    text = page.read_text()
    assert "conversation.erased" in text
    assert "<script" not in text
    assert "http" not in text.replace('http-equiv="Content-Security-Policy"', "")
    assert "is there already" in busy("audit", "report", "--html", str(page), expect=2).err
    assert busy("audit", "report", "--html", "-").out.startswith("<!doctype html>")


def test_a_period_of_nothing_is_said_to_be_one(busy: Daybook, tmp_path: Path) -> None:
    period = ("--from", "2001-01-01", "--to", "2001-12-31")
    assert "Nothing happened" in busy("audit", "report", *period).out
    found = busy("audit", "report", *period, "--json").json
    assert (found["event_count"], found["first_index"], found["signed"]["unsigned_count"]) == (0, None, 0)
    assert "Nothing happened" in busy("audit", "report", *period, "--html", "-").out


def test_a_long_period_is_counted_by_month_and_a_wrong_one_refused(busy: Daybook) -> None:
    [one] = busy("audit", "report", "--from", "2001-01-01", "--json").json["spans"]
    assert len(one["span"]) == len("2026-11")
    refused = busy("audit", "report", "--from", "today", "--to", "2001-01-01", expect=2).err
    assert "ends before it begins" in refused
    assert "is no time" in busy("audit", "report", "--from", "whenever", expect=2).err
    assert "not both" in busy("audit", "report", "--json", "--html", "-", expect=2).err
