from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from infrastructure.ollama.address import normalise_url, shown_url


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", "http://127.0.0.1:11434"),
        ("  ", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104 - recognised, never bound
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("http://0.0.0.0:11434/", "http://127.0.0.1:11434"),
        (":5000", "http://127.0.0.1:5000"),
        ("example.com", "http://example.com:11434"),
        ("example.com/", "http://example.com:11434"),
        ("example.com:56789/path/", "http://example.com:56789/path"),
        ("ollama", "http://ollama:11434"),
        ("my_service:1234", "http://my_service:1234"),
        ("http://example.com", "http://example.com:80"),
        ("https://example.com", "https://example.com:443"),
        ("HTTPS://example.com/ollama/", "https://example.com:443/ollama"),
        ("https://me:secret@example.com", "https://me:secret@example.com:443"),
        ("::1", "http://[::1]:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("[::]:8080", "http://[::1]:8080"),
        ("::", "http://[::1]:11434"),
        ("http://[fe80::1]:99/x", "http://[fe80::1]:99/x"),
        ("https://[2001:db8::5]", "https://[2001:db8::5]:443"),
        ('"127.0.0.1:11434"', "http://127.0.0.1:11434"),
    ],
)
def test_an_address_means_what_ollama_takes_it_to_mean(written: str, meant: str) -> None:
    assert normalise_url(written) == meant
    assert normalise_url(meant) == meant


@pytest.mark.parametrize(
    "written",
    [
        "ftp://example.com",
        "example.com:port",
        "example.com:0",
        "example.com:65536",
        "example.com:٣",
        "exa mple.com",
        "[no]:80",
        "http://example.com?x=1",
        "http://example.com/#a",
        "http://ex%ample.com",
        "a/b c",
    ],
)
def test_what_cannot_be_an_address_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(InvalidInputError, match=r"http://127\.0\.0\.1:11434"):
        normalise_url(written)


@given(st.text(max_size=30))
def test_any_text_is_either_refused_or_normal_after_one_pass(written: str) -> None:
    try:
        once = normalise_url(written)
    except InvalidInputError:
        return
    assert normalise_url(once) == once


def test_a_shown_address_holds_no_password() -> None:
    assert shown_url("http://me:secret@example.com:80/x") == "http://example.com:80/x"
    with pytest.raises(InvalidInputError) as caught:
        normalise_url("http://me:secret@example.com:port")
    assert "secret" not in caught.value.message
