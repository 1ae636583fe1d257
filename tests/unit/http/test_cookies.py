"""The cookie of a session, as a browser sees it."""

from datetime import UTC, datetime

import pytest
from starlette.datastructures import Headers

from interfaces.http import cookies

UNTIL = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)


def headers(host: str, cookie: str = "") -> Headers:
    return Headers({"host": host, "cookie": cookie} if cookie else {"host": host})


def test_over_https_it_is_bound_to_this_host_and_secure() -> None:
    line = cookies.line(headers("book.example.org"), "v", UNTIL, secure=True)
    parts = line.split("; ")
    assert parts[0] == "__Host-daybook=v"
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(parts)
    assert "expires=Sat, 02 Jan 2027 03:04:05 GMT" in parts
    assert "domain" not in line.lower()


def test_over_http_its_name_holds_the_port() -> None:
    for host, name in (
        ("127.0.0.1:8484", "daybook_8484"),
        ("[::1]:9", "daybook_9"),
        ("localhost", "daybook_80"),
        ("x:none", "daybook_80"),
    ):
        line = cookies.line(headers(host), "v", UNTIL, secure=False)
        assert line.startswith(f"{name}=v; ")
        assert "HttpOnly" in line
        assert "Secure" not in line


def test_one_that_is_taken_away_is_over_at_once() -> None:
    assert "Max-Age=0" in cookies.line(headers("x"), "", None, secure=False)


@pytest.mark.parametrize(
    ("secure", "cookie", "value"),
    [
        (False, "a=b; daybook_8484=mine; daybook_9=other", "mine"),
        (False, "__Host-daybook=theirs", None),
        (True, "daybook_8484=planted; __Host-daybook=mine", "mine"),
        (True, "daybook_8484=planted", None),
        (False, "daybook_8484=", None),
        (False, "", None),
    ],
)
def test_only_ours_is_read(secure: bool, cookie: str, value: str | None) -> None:  # noqa: FBT001 - a case
    assert cookies.read(headers("127.0.0.1:8484", cookie), secure=secure) == value
