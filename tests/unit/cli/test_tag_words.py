"""How tags are typed."""

from __future__ import annotations

import pytest

from domain.errors import InvalidInputError
from interfaces.cli.tag import guarded, parse_tags


def test_words_that_take_a_tag_off_are_no_options() -> None:
    assert parse_tags(guarded(["+work", "-home", "-h", "--json"])[:2]) == (("work",), ("home",))
    assert guarded(["-h", "--json", "-"]) == ["-h", "--json", "-"]
    assert parse_tags(guarded(["--", "-h"])[1:]) == ((), ("h",))


def test_a_word_that_says_neither_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="put on as"):
        parse_tags(["work"])
