"""Who sent a request, with and without proxies that may say so."""

import pytest
from starlette.datastructures import Headers

from interfaces.http.peers import Peer, limited_as, parse_networks, peer_of

TRUSTED = parse_networks("127.0.0.1, 10.0.0.0/8, ::1")


def seen(client: str, **headers: str) -> Peer:
    scope = {"type": "http", "client": (client, 5), "scheme": "http"}
    return peer_of(scope, Headers({k.replace("_", "-"): v for k, v in headers.items()}), TRUSTED)


def test_without_a_proxy_it_is_who_connects() -> None:
    assert seen("192.0.2.7") == Peer("192.0.2.7", "http", proxied=False)
    assert peer_of({"type": "http", "client": None}, Headers({}), TRUSTED) == Peer("", "http", proxied=False)


@pytest.mark.parametrize("client", ["192.0.2.7", "2001:db8::7", "unix"])
def test_what_an_untrusted_peer_says_of_others_does_not_count(client: str) -> None:
    said = seen(client, x_forwarded_for="198.51.100.1", x_forwarded_proto="https")
    assert said == Peer(client, "http", proxied=True)


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8::9]:443", "2001:db8::9"),
        ("2001:db8::9", "2001:db8::9"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("10.9.9.9", "10.9.9.9"),
        ("198.51.100.1, nonsense, 10.1.2.3", "10.1.2.3"),
        ("", "127.0.0.1"),
    ],
)
def test_of_a_chain_the_part_that_trusted_proxies_wrote_counts(chain: str, address: str) -> None:
    assert seen("127.0.0.1", x_forwarded_for=chain).address == address
    assert seen("::ffff:127.0.0.1", x_forwarded_for=chain or "127.0.0.1").address == address


@pytest.mark.parametrize(
    ("said", "scheme"), [("https", "https"), ("http, https", "https"), ("HTTPS", "https"), ("gopher", "http")]
)
def test_a_trusted_proxy_says_what_was_spoken(said: str, scheme: str) -> None:
    assert seen("127.0.0.1", x_forwarded_proto=said).scheme == scheme


@pytest.mark.parametrize("name", ["x_forwarded_for", "forwarded", "via", "x_real_ip", "x_forwarded_host"])
def test_that_something_stood_between_is_noticed_whoever_it_was(name: str) -> None:
    assert seen("192.0.2.7", **{name: "x"}).proxied


def test_an_address_of_ipv6_is_counted_with_its_neighbours() -> None:
    assert limited_as("2001:db8:1:2:3::4") == limited_as("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert limited_as("::ffff:192.0.2.7") == limited_as("192.0.2.7") == "192.0.2.7"
    assert limited_as("nonsense") == "nonsense"


@pytest.mark.parametrize("text", ["10.0.0.1/8", "proxy.lan", "1.2.3.4;5"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"network|IPv4|host bits"):
        parse_networks(text)
    assert parse_networks(" ") == ()
