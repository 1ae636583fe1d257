"""Which names and pages are ours, header by header."""

from typing import Any

import pytest
from starlette.datastructures import Headers

from interfaces.http.guard import Origins
from interfaces.http.options import Address, HttpOptions
from interfaces.http.peers import Peer


def guard(**options: Any) -> Origins:
    return Origins(HttpOptions(**options))


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8484", "127.0.0.1:8484", "[::1]:8484", "LocalHost.:1"]
)
def test_loopback_names_are_ours(host: str) -> None:
    assert guard().knows_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "192.168.1.4",
        "localhost.evil.example",
        "[::2]:1",
        "x:" + "9" * 5000,
    ],
)
def test_foreign_hosts_are_not(host: str) -> None:
    assert not guard(listen=Address("0.0.0.0", 8484), token="t").knows_host(host)  # noqa: S104 - an address to test with


def test_hosts_that_are_listed_are_ours() -> None:
    listed = guard(allowed_hosts=["daybook.lan", " Book.Home:8443 "], public_url="https://book.example.org/")
    assert listed.knows_host("daybook.lan:9999")
    assert listed.knows_host("book.home:8443")
    assert not listed.knows_host("book.home:1")
    assert listed.knows_host("book.example.org:443")
    assert listed.knows_host("book.example.org")


def test_the_address_listened_on_is_ours() -> None:
    assert guard(listen=Address("192.168.1.4", 8484), token="t").knows_host("192.168.1.4:8484")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8484", "localhost:8484"),
        ("http://[::1]:8484", "[::1]:8484"),
        ("https://book.example.org", "127.0.0.1:8484"),
        ("https://daybook.lan", "daybook.lan"),
    ],
)
def test_pages_of_our_own_may_ask(origin: str, host: str) -> None:
    known = guard(public_url="https://book.example.org", allowed_hosts=["daybook.lan"])
    assert known.knows_origin(origin, host)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://localhost:3000",
        "file://",
        "http://localhost:8484.evil.example",
        "http://[::",
    ],
)
def test_pages_of_others_may_not(origin: str) -> None:
    assert not guard(public_url="https://book.example.org").knows_origin("http://book.example.org", "x")
    assert not guard().knows_origin(origin, "localhost:8484")


def test_a_page_without_encryption_is_not_the_encrypted_public_one() -> None:
    known = guard(public_url="https://book.example.org")
    assert known.knows_origin("https://book.example.org", "book.example.org")
    assert not known.knows_origin("http://book.example.org", "book.example.org")
    assert guard(public_url="http://book.example.org").knows_origin("http://book.example.org", "x")


@pytest.mark.parametrize(
    ("public", "host", "scheme"),
    [
        ("https://book.example.org", "book.example.org", "https"),
        ("https://book.example.org", "127.0.0.1:8484", "http"),
        ("https://localhost:8443", "localhost:8443", "http"),
        ("http://book.example.org", "book.example.org", "http"),
        ("", "127.0.0.1", "http"),
    ],
)
def test_the_public_address_says_what_people_speak(public: str, host: str, scheme: str) -> None:
    seen = guard(public_url=public).seen(Peer("1.2.3.4", "http", proxied=True), Headers({"host": host}))
    assert seen == Peer("1.2.3.4", scheme, proxied=True)
