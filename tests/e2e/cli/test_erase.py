"""What `daybook erase`, `hold` and `keys rotate` promise."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest

from application.ports.log import Origin
from bootstrap.container import Container
from bootstrap.host import ProcessHost
from bootstrap.settings import Settings
from domain.conversation.conversation import Conversation
from domain.ids import new_id
from tests.support.cli_process import Daybook, read_some

WORD = "quetzalplanted"


@pytest.fixture
def book(new_cli: Callable[[], Daybook]) -> Daybook:
    made = new_cli()
    made("ask", f"What is {WORD}?")
    made("ask", "What remains?")
    return made


def test_a_conversation_is_erased_and_every_view_says_when_and_by_whom(book: Daybook) -> None:
    listed = book("list", "--json").json["conversations"]
    gone = next(one for one in listed if WORD in one["title"])["id"]

    done = book("erase", gone, "--yes", "--json").json

    assert done["finished"] is True
    assert (done["conversation_count"], done["message_count"]) == (1, 2)
    shown = book("show", gone)
    assert "(erased on " in shown.out
    assert WORD not in shown.out + shown.err
    as_json = book("show", gone, "--json").json
    assert as_json["erased"] is True
    assert as_json["erased_by"]
    assert "(erased on " in book("list").out
    assert WORD not in book("list", "--json").out
    assert book("search", WORD, "--json").json["results"] == []
    assert book("search", "remains", "--json").json["results"]
    assert "erased" in book("erase", gone, "--yes", expect=3).err
    assert "erased" in book("ask", "--cid", gone, "More?", expect=3).err
    assert [one["type"] for one in book.events()][-1] == "conversation.erased"
    assert book("audit", "verify").out.startswith("ok: ")


def test_it_says_what_it_takes_and_asks(book: Daybook) -> None:
    size = book.log_size()
    refused = book("erase", "@last", expect=2)
    assert "2 messages" in refused.err
    assert "--yes" in refused.err

    asked = book.on_terminal("erase", "@last")
    asked.expect("for ever\\?")
    asked.sendline("n")
    asked.wait()

    assert asked.exitstatus == 4
    assert book.log_size() == size
    book("erase", expect=2)


def test_a_hold_forbids_it_until_it_is_released(book: Daybook) -> None:
    book("hold", "add", "@last", "--reason", "a trial")
    assert [(one["kind"], one["reason"]) for one in book("hold", "list", "--json").json["holds"]] == [
        ("conversation", "a trial")
    ]
    assert "is held" in book("erase", "@last", "--yes", expect=4).err

    book("hold", "release", "@last", "--reason", "it is over")

    assert "Nothing is held." in book("hold", "list").err
    book("erase", "@last", "--yes")


def test_a_project_is_erased_with_its_conversations(book: Daybook) -> None:
    project = book("project", "create", f"{WORD}s", "--json").json["id"]
    book("ask", "--project", project, "Inside?")

    done = book("erase", "--project", project, "--yes", "--json").json

    assert done["conversation_count"] == 1
    assert "(erased on " in book("project", "list").out
    book("ask", "--project", project, "More?", expect=3)


def copied(book: Daybook, origin_id: str, word: str) -> str:
    """Record a conversation that was copied from another."""
    opened = ProcessHost(Settings(book.settings)).open_here(lambda _: None)
    try:
        copy = Conversation.start(
            new_id(),
            project_id=None,
            title=word,
            origin_conversation_id=UUID(origin_id),
            origin_message_id=None,
        )
        copy.add_prompt(new_id(), word, parent_id=None)
        assert isinstance(opened, Container)
        opened.log.save([copy], Origin("ada", "cli"))
    finally:
        opened.close()
    return str(copy.id)


def test_what_was_copied_from_it_is_shown_and_stays(book: Daybook) -> None:
    origin = book("show", "@last", "--json").json["id"]
    copy = copied(book, origin, "a fork")
    second = copied(book, copy, "a fork of it")

    preview = book("erase", origin, expect=2).err
    assert "--with-derived takes it along" in preview
    assert f"{copy[-8:]}  a fork, 1 message\n" in preview
    assert f"{second[-8:]}  a fork of it, 1 message\n" in preview
    done = book("erase", origin, "--yes", "--json").json

    assert (done["conversation_count"], done["derived_count"]) == (1, 0)
    assert set(done["remaining_derived_ids"]) == {copy, second}
    shown = book("show", copy, "--json").json
    assert (shown["origin_conversation_id"], shown["title"]) == (origin, "a fork")
    assert f"copied from {origin[-8:]}" in book("show", copy).out
    assert second[-8:] in book("erase", copy, "--yes").err


def test_what_was_copied_from_it_goes_when_asked(book: Daybook) -> None:
    origin = book("show", "@last", "--json").json["id"]
    copies = [copied(book, origin, f"fork {number}") for number in range(22)]

    preview = book("erase", origin, "--with-derived", expect=2).err
    assert "With it goes what was copied from it:" in preview
    assert "and 2 more" in preview
    assert "22 conversations copied from it, with 24 messages" in preview
    done = book("erase", origin, "--with-derived", "--yes", "--json").json

    assert (done["conversation_count"], done["derived_count"]) == (23, 22)
    assert (done["message_count"], done["remaining_derived_ids"]) == (24, [])
    assert book("show", copies[3], "--json").json["erased"] is True
    assert book("audit", "verify").out.startswith("ok: ")


def test_keys_are_rotated_and_their_epochs_shown(book: Daybook) -> None:
    before = book("keys", "status", "--json").json
    assert [(one["epoch"], one["key_count"]) for one in before["epochs"]] == [(1, 2)]

    assert book("keys", "rotate", "--json").json == {"epoch": 2, "rewrapped_count": 2, "finished": True}

    after = book("keys", "status", "--json").json
    assert [(one["epoch"], one["key_count"]) for one in after["epochs"]] == [(2, 2)]
    assert after["unfinished"] is False
    assert WORD in book("search", WORD).out


def test_an_answer_whose_conversation_is_erased_meanwhile_is_dropped(book: Daybook) -> None:
    process = book.begin("ask", "-m", "simulator-slow", "Tell me of quetzals")
    read_some(process)

    book("erase", "@last", "--yes")
    out, err = process.communicate(timeout=60)

    assert process.returncode == 3, out
    assert b"was erased" in err
    assert b"Traceback" not in err
    assert [one["type"] for one in book.events()][-1] == "conversation.erased"


def test_what_an_interrupted_erasure_left_to_do_is_said_and_done(book: Daybook) -> None:
    with psycopg.connect(book.settings["DAYBOOK_DATABASE_URL"]) as connection:
        connection.execute("insert into daybook.tombstones (owner_id) values (gen_random_uuid())")

    assert "daybook keys rotate" in book("keys", "status").err
    [check] = [
        one for one in book("doctor", "--json", expect=None).json["checks"] if one["name"] == "key epochs"
    ]
    assert (check["ok"], check["fix"]) == (False, "daybook keys rotate")

    book("keys", "rotate")

    assert book("keys", "status").err == ""
