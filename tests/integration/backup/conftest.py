"""A book with something in every table, and an empty database to restore it into."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from infrastructure.crypto import export
from tests.support.backups import PASSPHRASE, daybook_on, fill
from tests.support.cli_process import Daybook


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real cost is what makes guessing slow, and tests too."""
    monkeypatch.setattr(export, "_COST", {"n": 2**10, "r": 8, "p": 1})


@pytest.fixture
def book(database_url: str, tmp_path: Path) -> Daybook:
    return daybook_on(database_url, tmp_path / "home")


@pytest.fixture
def kept(book: Daybook) -> dict[str, UUID]:
    """Fill the book; return its conversations."""
    return fill(book)


@pytest.fixture
def there(book: Daybook, empty_database_url: str, tmp_path: Path) -> Daybook:
    """An empty database and a home where nothing ever was."""
    del book
    return daybook_on(empty_database_url, tmp_path / "another home")


@pytest.fixture
def passphrase(tmp_path: Path) -> str:
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE + "\n")
    return str(file)
