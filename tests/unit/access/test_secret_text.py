"""Secrets as they are written: told apart, whole, and never taken for one another."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application import secret_text as t
from application.errors import WrongTokenError
from domain.ids import new_id

ID = new_id()


@given(st.uuids(), st.binary(min_size=24, max_size=24))
@settings(max_examples=50)
def test_what_was_written_is_read(identifier: UUID, secret: bytes) -> None:
    text = t.write(t.TOKEN, identifier, secret)
    assert text.startswith("daybook_")
    assert text.removeprefix("daybook_").isalnum()
    assert len(text) == 68
    assert t.read(t.TOKEN, text) == (identifier, secret)


def test_secrets_are_192_random_bits() -> None:
    made = {t.fresh_secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(one) for one in made} == {24}


def test_every_slip_of_one_character_is_noticed() -> None:
    text = t.write(t.TOKEN, ID, t.fresh_secret())
    for at in range(len(text)):
        for wrong in ("x" if text[at] != "x" else "y", "é", "-", ""):
            with pytest.raises(WrongTokenError, match="cut off"):
                t.read(t.TOKEN, text[:at] + wrong + text[at + 1 :])
    for wrong in ("", "daybook_", text + "0", text[:-1], " " + text):
        with pytest.raises(WrongTokenError):
            t.read(t.TOKEN, wrong)


def test_one_kind_does_not_pass_for_another() -> None:
    link = t.write(t.LINK, ID, t.fresh_secret())
    for wrong in (link, t.SESSION + link.removeprefix(t.LINK), t.TOKEN + link.removeprefix(t.LINK)):
        with pytest.raises(WrongTokenError):
            t.read(t.SESSION, wrong)


def test_a_number_too_large_for_its_bytes_is_none() -> None:
    body = "z" * 54
    text = t.TOKEN + body
    with pytest.raises(WrongTokenError):
        t.read(t.TOKEN, text + t._checksum(text))


def test_what_is_no_letter_of_ours_is_refused_even_with_a_fitting_checksum() -> None:
    text = t.TOKEN + "-" * 54
    with pytest.raises(WrongTokenError):
        t.read(t.TOKEN, text + t._checksum(text))
