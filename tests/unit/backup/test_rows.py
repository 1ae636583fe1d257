"""Rows of a binary COPY, in whatever pieces they come."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.errors import NotProvedError
from infrastructure.backup.tables import HEADER, TRAILER, Rows, Table, fields, owner_of

TABLE = Table("some", ("a", "b"), "a")


def row(*values: bytes | None) -> bytes:
    return struct.pack(">h", len(values)) + b"".join(
        struct.pack(">i", -1 if one is None else len(one)) + (one or b"") for one in values
    )


values = st.one_of(st.none(), st.binary(max_size=40))


@given(st.lists(st.tuples(values, values)), st.lists(st.integers(0, 500)))
def test_rows_are_the_same_however_the_stream_is_cut(
    given_rows: list[tuple[bytes | None, bytes | None]], cuts: list[int]
) -> None:
    whole = [row(*one) for one in given_rows]
    stream = HEADER + b"".join(whole) + TRAILER
    at = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    rows = Rows(TABLE)

    found = [one for start, end in pairwise(at) for one in rows.feed(stream[start:end])]
    rows.finish()

    assert found == whole
    assert rows.count == len(whole)
    assert [tuple(fields(one)) for one in found] == given_rows


@pytest.mark.parametrize(
    "stream",
    [
        HEADER,
        HEADER + row(b"x", b"y"),
        HEADER + row(b"x", b"y")[:-1],
        b"PGCOPZ" + HEADER[6:] + TRAILER,
        HEADER + row(b"x") + TRAILER,
        HEADER + row(b"x", b"y", b"z") + TRAILER,
        HEADER + struct.pack(">hi", 2, -2) + TRAILER,
        HEADER + struct.pack(">hi", 2, 2**31 - 1) + TRAILER,
        HEADER + TRAILER + b"x",
    ],
)
def test_what_is_no_stream_of_rows_is_refused(stream: bytes) -> None:
    def read() -> None:
        rows = Rows(TABLE)
        list(rows.feed(stream))
        rows.finish()

    with pytest.raises(NotProvedError):
        read()


def test_a_row_that_is_larger_than_any_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infrastructure.backup.tables.MOST_ROW", 10_000)
    rows = Rows(TABLE)
    list(rows.feed(HEADER + struct.pack(">hi", 2, 9_000) + bytes(9_000) + struct.pack(">i", 9_000)))
    with pytest.raises(NotProvedError, match="larger than any"):
        list(rows.feed(bytes(8_000)))


def test_the_owner_of_a_row_is_its_first_column() -> None:
    assert owner_of(row(bytes(range(16)), b"x")) == bytes(range(16))
    assert owner_of(row(None, b"x")) == b""
