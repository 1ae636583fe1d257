"""Addresses, and the rule about other machines."""

import pytest

from domain.errors import InvalidInputError
from interfaces.http.options import Address, HttpOptions, is_loopback, must_be_guarded, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8484", ("127.0.0.1", 8484)),
        ("[::1]:8484", ("::1", 8484)),
        ("localhost:0", ("localhost", 0)),
        (":9000", ("127.0.0.1", 9000)),
        (" 0.0.0.0:80 ", ("0.0.0.0", 80)),  # noqa: S104 - an address to test with
    ],
)
def test_addresses_are_read(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "localhost", "::1:8484", "127.0.0.1:", "127.0.0.1:http", "a:65536", "a:-1"]
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_address(text)
    assert "DAYBOOK_LISTEN=127.0.0.1:8484" in caught.value.hint


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST."])
def test_this_machine_alone_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "daybook.lan", "localhost.example.org", ""])  # noqa: S104 - an address to test with
def test_everything_else_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_other_machines_are_let_in_with_a_token_only() -> None:
    everywhere = Address("0.0.0.0", 8484)  # noqa: S104 - an address to test with
    with pytest.raises(InvalidInputError, match="no token") as caught:
        must_be_guarded(HttpOptions(listen=everywhere))
    assert "DAYBOOK_TOKEN" in caught.value.hint
    must_be_guarded(HttpOptions(listen=everywhere, token="secret"))
    must_be_guarded(HttpOptions(listen=Address("::1", 8484)))


@pytest.mark.parametrize(
    ("address", "url"),
    [(("0.0.0.0", 1), "http://127.0.0.1:1"), (("::", 1), "http://[::1]:1"), (("h", 1), "http://h:1")],  # noqa: S104 - an address to test with
)
def test_an_address_is_shown_as_a_url_that_opens(address: tuple[str, int], url: str) -> None:
    assert Address(*address).url == url
