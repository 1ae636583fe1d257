"""Files that are broken, cut, wrong or made to do harm: told clearly, and nothing half taken in."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.errors import InvalidInputError
from domain.ids import derived_id
from interfaces.porting import format as f
from interfaces.porting import reading, unpacking
from tests.support.given_files import (
    END,
    HEAD,
    TIME,
    Desk,
    answer,
    conversation,
    file_of,
    identifier,
    prompt,
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


GOOD = (conversation(), prompt(), answer())


def test_a_good_file_is_taken_in(desk: Desk) -> None:
    found = desk.give(file_of(HEAD, *GOOD, END))
    assert (found.new_count, found.message_count, found.complete, found.kind) == (1, 2, True, "daybook")
    assert desk.give(file_of(b"\xef\xbb\xbf", HEAD, *GOOD, b"\n", END)).unchanged_count == 1


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("export.json", b"{}")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (zipped(), "only gzip"),
        (b"# A conversation\n", "neither"),
        (b"\x00\x01\x02", "neither"),
        (b"[1, 2]", "neither"),
        (b'{"messages": []}\n', "head"),
        (b"{\n", "first line"),
        (b'{"type": "head"}\n', "first line"),
        (file_of(conversation()), "head"),
        (file_of({**HEAD, "format": "diary"}), "diary"),
        (file_of({**HEAD, "version": 2}), "newer Daybook"),
        (file_of({**HEAD, "version": "1"}), "first line"),
        (gzip.compress(b"no export"), "first line"),
        (b"\x1f\x8b\x08\x00nothing packed", "damaged"),
        (gzip.compress(b"x" * 100)[:-20], "in the middle. Nothing was imported"),
    ],
    ids=count(),
)
def test_what_is_no_export_is_refused_as_a_whole(desk: Desk, content: bytes, why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        desk.give(content)
    assert desk.house.log.size() == 0


def test_a_file_that_is_not_there_or_no_file_is_told(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="does not exist"):
        desk.give_file(tmp_path / "nothing")
    with pytest.raises(InvalidInputError, match="directory"):
        desk.give_file(tmp_path)


DEEP = b'{"type":"message","options":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
SECOND = (conversation(number=2), prompt(21), answer(22, 21))

WRONG: dict[str, Any] = {
    "no JSON": b'{"type": "message"\n',
    "not UTF-8": b'{"type": "message", "text": "\xff"}\n',
    "nested deep": DEEP,
    "a number that is none": b'{"type": "message", "text": NaN}\n',
    "a number of a million digits": b'{"type": "message", "at": ' + b"9" * 1_000_000 + b"}\n",
    "a list": b"[]\n",
    "a text of a number": prompt(text=1),
    "an id that is none": prompt(id="nonsense"),
    "no time": prompt(at="yesterday"),
    "a time that is in no year elsewhere": prompt(at="9999-12-31T23:59:59Z"),
    "an answer that says nothing of itself": {**prompt(12), "kind": "answer"},
    "a kind that is none": prompt(12, kind="poem"),
    "a hash that is none": answer(provenance={"model": "m", "request_hash": "xyz"}),
    "deep options": answer(provenance={"model": "m", "options": json.loads("[" * 500 + "]" * 500)}),
    "a parent that is missing": answer(parent=99),
    "a parent that comes later": answer(12, 12),
    "the same message again": prompt(11),
    "a status that is none": answer(status="wonderful"),
    "a count beyond all": answer(usage={"prompt_tokens": 2**70}),
    "a negative count": answer(usage={"prompt_tokens": -1}),
    "a model with a NUL": answer(provenance={"model": "\0"}),
    "an unfinished answer that follows itself": answer(12, 12, status="streaming"),
    "an unfinished answer that follows nothing": answer(12, status="streaming", parent_id=None),
    "a rating of a prompt": prompt(12, rating="up"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_line_takes_its_conversation_with_it_and_no_other(desk: Desk, name: str) -> None:
    found = desk.give(file_of(HEAD, conversation(), prompt(), WRONG[name], *SECOND, END))

    assert (found.new_count, found.skipped_count, found.message_count) == (1, 1, 2)
    assert found.left_out[0].what == "conversation"
    assert found.left_out[0].reason
    assert not found.complete
    assert len(found.left_out[0].reason) < 400
    assert {event.stream_id for event, _ in desk.house.log.appended} == {
        event.stream_id for event, _ in desk.house.log.appended[:1]
    }


PROJECT = {"type": "project", "id": identifier(50), "name": "P", "created_at": TIME, "updated_at": TIME}
SEVERAL = [
    [conversation(), prompt(), answer()],
    [PROJECT],
    [conversation(number=2), prompt(21), answer(22, 21)],
    [conversation(number=3, message_count=0)],
    [conversation(number=4), prompt(41), answer(42, 41)],
]
BROKEN = [b"nonsense\n", b'{"type": "dream"}\n', b'{"type": "conversation"}\n', b'{"type": "project"}\n']


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("at", range(sum(map(len, SEVERAL))))
def test_whichever_line_is_broken_all_other_conversations_are_taken_in(
    desk: Desk, at: int, broken: bytes
) -> None:
    lines: list[Any] = [HEAD]
    intact = set()
    for group in SEVERAL:
        places = range(len(lines) - 1, len(lines) - 1 + len(group))
        lines += [broken if place == at else line for place, line in zip(places, group, strict=True)]
        if at not in places and group[0]["type"] == "conversation":
            intact.add(derived_id(UUID(group[0]["id"])))
    found = desk.give(file_of(*lines, END))

    assert {event.stream_id for event, _ in desk.house.log.appended} >= intact
    assert found.new_count == len(intact)
    assert found.whole
    assert not found.complete


def test_a_conversation_that_was_withdrawn_is_left_out(desk: Desk) -> None:
    withdrawn = {"type": "withdrawn", "id": identifier(1)}
    found = desk.give(file_of(HEAD, *GOOD, withdrawn, *SECOND, END))
    assert (found.new_count, [one.reason for one in found.left_out]) == (
        1,
        ["it was erased while the file was written"],
    )


def test_a_withdrawal_of_another_one_takes_nothing_along(desk: Desk) -> None:
    withdrawn = {"type": "withdrawn", "id": identifier(9)}
    assert desk.give(file_of(HEAD, *GOOD, withdrawn, *SECOND, END)).new_count == 2


@pytest.mark.parametrize("cut", range(0, 400, 37))
def test_a_file_that_is_cut_brings_whole_conversations_alone(desk: Desk, cut: int) -> None:
    whole = file_of(HEAD, *GOOD, *SECOND, END)
    found = desk.give(whole[: len(whole) - 40 - cut])
    assert not found.whole
    assert found.cut_off
    assert found.new_count + found.skipped_count <= 2
    trees = {event.stream_id for event, _ in desk.house.log.appended}
    assert len(trees) == found.new_count
    rest = desk.give(whole)
    assert (rest.whole, rest.new_count + rest.unchanged_count) == (True, 2)


def test_lines_outside_of_any_conversation_are_left_out(desk: Desk) -> None:
    found = desk.give(file_of(HEAD, prompt(), b"nonsense\n", *GOOD, END))
    assert [one.what for one in found.left_out] == ["line", "line"]
    assert (found.new_count, found.complete) == (1, False)


def test_lines_that_cannot_be_read_are_given_up_after_a_hundred(desk: Desk) -> None:
    found = desk.give(file_of(HEAD, *GOOD, *[b"nonsense\n"] * 200, END))
    assert "More than 100" in (found.cut_off or "")


def test_what_is_not_known_is_counted_and_passed_over(desk: Desk) -> None:
    strange = {"type": "dream", "of": "sheep"}
    note = {"id": identifier(5), "text": "n", "written_at": TIME, "colour": "red"}
    found = desk.give(
        file_of(
            {**HEAD, "mood": 1},
            strange,
            conversation(labels=["a"]),
            prompt(notes=[note]),
            answer(provenance={"model": "m", "seed": 1}, smell="x"),
            END,
        )
    )
    assert found.whole
    assert not found.complete
    assert found.unknown == {
        "head.mood": 1,
        "type 'dream'": 1,
        "conversation.labels": 1,
        "message.notes.colour": 1,
        "message.provenance.seed": 1,
        "message.smell": 1,
    }


def test_names_that_are_not_known_are_bounded(desk: Desk) -> None:
    lines = [{**prompt(), "type": f"t{number}"} for number in range(1100)]
    found = desk.give(file_of(HEAD, *lines, END))
    assert len(found.unknown) <= 1001
    assert sum(found.unknown.values()) == 1100


def test_a_line_beyond_all_bounds_is_passed_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f, "MOST_LINE_BYTES", 1000)
    found = desk.give(file_of(HEAD, conversation(), prompt(text="x" * 5_000_000), answer(), *SECOND, END))
    assert (found.new_count, found.skipped_count) == (1, 1)
    assert "1,000 bytes" in found.left_out[0].reason


def test_a_conversation_beyond_all_bounds_is_passed_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_CONVERSATION_BYTES", 2000)
    found = desk.give(
        file_of(HEAD, conversation(3), prompt(text="x" * 2000), answer(), prompt(13), *SECOND, END)
    )
    assert (found.new_count, found.skipped_count) == (1, 1)
    assert "in one piece" in found.left_out[0].reason


def test_a_bomb_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_FREE_BYTES", 1000)
    bomb = file_of(HEAD, *GOOD, END) + b" " * 10_000_000
    found = desk.give(gzip.compress(bomb))
    assert "times its size" in (found.cut_off or "")
    assert found.new_count == 1


def test_a_packed_file_that_is_cut_brings_what_came_before(desk: Desk) -> None:
    whole = gzip.compress(file_of(HEAD, *GOOD, END), 0)
    found = desk.give(whole[:-30])
    assert (found.new_count, found.whole) == (1, False)
    broken = bytearray(whole)
    broken[-6] ^= 1
    assert "damaged" in (desk.give(bytes(broken)).cut_off or "")


def test_the_same_conversation_twice_in_a_file_is_one(desk: Desk) -> None:
    found = desk.give(file_of(HEAD, *GOOD, *GOOD, END))
    assert (found.new_count, found.unchanged_count) == (1, 1)


def test_all_that_was_left_out_is_counted_and_a_thousand_named(desk: Desk) -> None:
    many = [conversation(5, number) for number in range(1, 1102)]
    found = desk.give(file_of(HEAD, *many, END))
    assert (found.skipped_count, found.left_out_count, len(found.left_out)) == (1101, 1101, 1000)


def test_what_was_damaged_or_is_unfinished_is_told(desk: Desk) -> None:
    lines = conversation(3), prompt(damaged=True), answer(), answer(13, status="streaming", ended_at=None)
    found = desk.give(file_of(HEAD, *lines, END))
    assert (found.message_count, sorted(found.remarks.values())) == (2, [1, 1])
    assert found.whole
    assert not found.complete


def test_times_without_a_zone_are_utc(desk: Desk) -> None:
    bare = TIME.removesuffix("Z")
    found = desk.give(file_of(HEAD, conversation(1), prompt(at=bare), END))
    assert found.new_count == 1


def test_a_project_is_left_out_where_all_goes_into_another(desk: Desk) -> None:
    line = {"type": "project", "id": identifier(3), "name": "P", "created_at": TIME, "updated_at": TIME}
    assert desk.give(file_of(HEAD, line, END)).new_project_count == 1
    here = desk.house.project()
    assert (
        desk.give(file_of(HEAD, {**line, "id": identifier(4)}, END), project_id=here).new_project_count == 0
    )
    found = desk.give(file_of(HEAD, {**line, "id": identifier(5), "name": " "}, END))
    assert [one.what for one in found.left_out] == ["project"]
