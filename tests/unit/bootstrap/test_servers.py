"""Saved servers: what may be one, and to which address a token goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.servers import SavedServers, is_in_clear, url_fault, warning_of
from bootstrap.settings import Settings
from domain.errors import InvalidInputError, NotFoundError
from interfaces.remote.connection import ServerAddress
from tests.fakes.write_side import FixedClock

SAVED = """
[home]
url = "https://book.example.org"
token = "of-home"

[open]
url = "http://127.0.0.1:8484"
"""


def servers(tmp_path: Path, **environment: str) -> SavedServers:
    (tmp_path / "servers.toml").write_text(SAVED, encoding="utf-8")
    return SavedServers(Settings({"DAYBOOK_HOME": str(tmp_path), **environment}), "1", FixedClock())


@pytest.mark.parametrize(
    ("named", "token", "expected"),
    [
        ("", "", None),
        ("local", "given", None),
        ("home", "", ("https://book.example.org", "of-home", "home")),
        ("home", "given", ("https://book.example.org", "of-home", "home")),
        ("open", "", ("http://127.0.0.1:8484", None, "open")),
        ("open", "given", ("http://127.0.0.1:8484", "given", "open")),
        ("https://book.example.org/", "", ("https://book.example.org", "of-home", "home")),
        ("https://book.example.org", "given", ("https://book.example.org", "given", "home")),
        ("https://book.example.org.evil.example", "", ("https://book.example.org.evil.example", None, None)),
        ("http://book.example.org", "", ("http://book.example.org", None, None)),
    ],
)
def test_a_token_goes_to_its_own_address(
    tmp_path: Path, named: str, token: str, expected: tuple[str, str | None, str | None] | None
) -> None:
    found = servers(tmp_path, DAYBOOK_SERVER=named, DAYBOOK_SERVER_TOKEN=token).in_use()
    assert (found and (found.url, found.token, found.name)) == expected


def test_a_name_that_was_not_saved_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        servers(tmp_path, DAYBOOK_SERVER="nowhere").in_use()


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    found = servers(tmp_path)
    found.file.write_text("[", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="not valid TOML"):
        found.all()
    found.file.unlink()
    assert found.all() == []
    found.file.mkdir()
    with pytest.raises(InvalidInputError, match="cannot be read"):
        found.all()


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://book.example.org", True),
        ("http://[::1]:8484", True),
        ("https://example.org/daybook/", True),
        ("book.example.org", False),
        ("ftp://book.example.org", False),
        ("https://", False),
        ("https://me:pw@book.example.org", False),
        ("https://book.example.org?x=1", False),
        ("http://host:port", False),
        ("http://[::1", False),
    ],
)
def test_what_is_a_url(url: str, fits: bool) -> None:  # noqa: FBT001 - a column of the table
    assert (url_fault(url) == "") is fits


def test_what_others_can_read_on_the_way() -> None:
    assert [
        is_in_clear(url) for url in ("http://a", "https://a", "http://127.0.0.1:1", "http://[::1]:1")
    ] == [
        True,
        False,
        False,
        False,
    ]
    assert warning_of(ServerAddress("http://a")) == ""
    assert "not encrypted" in warning_of(ServerAddress("http://a", "token"))
