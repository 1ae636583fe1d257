"""Why a file could not be used, told without Python's own words."""

from __future__ import annotations

import pytest

from application.errors import in_words


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "it is not text in UTF-8"),
        (FileNotFoundError(2, "No such file or directory", "x"), "it does not exist"),
        (IsADirectoryError(21, "Is a directory", "x"), "it is a directory"),
        (PermissionError(13, "Permission denied", "x"), "this user may not"),
        (OSError(28, "No space left on device", "x"), "No space left on device"),
        (OSError("odd"), "odd"),
    ],
)
def test_each_problem_has_plain_words(problem: Exception, words: str) -> None:
    assert in_words(problem) == words
