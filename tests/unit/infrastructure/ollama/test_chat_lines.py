from __future__ import annotations

import pytest

from application.ports.model_server import ChatEnd, Delta
from infrastructure.ollama.chat_lines import NotAChatLineError, ServerSaidError, read_chat_line


def test_a_line_is_a_delta() -> None:
    line = (
        '{"model":"m","message":{"role":"assistant","content":"a\x85é","thinking":"b"},"done":false}'.encode()
    )
    assert read_chat_line(line) == (Delta(text="a\x85é", thinking="b"), None)


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (rb"\ud83d", "\ud83d"),
        (rb"\ude00x", "\ude00x"),
        (rb"\ud83d\ude00", "😀"),
        (rb"\u0000", "\x00"),
        (b"\xff", "\ufffd"),
    ],
)
def test_no_string_that_json_can_carry_is_too_odd(escaped: bytes, text: str) -> None:
    delta, end = read_chat_line(b'{"message":{"content":"' + escaped + b'"},"done":false}')
    assert (delta, end) == (Delta(text=text), None)


def test_lone_surrogates_do_not_cost_the_other_fields() -> None:
    delta, end = read_chat_line(
        rb'{"message":{"content":"\ud83d"},"done":true,"eval_count":3,"total_duration":2000000}'
    )
    assert delta == Delta(text="\ud83d")
    assert end == ChatEnd("stop", completion_tokens=3, total_ms=2.0)


def test_a_line_with_nothing_in_it_is_no_delta() -> None:
    assert read_chat_line(b'{"message":{"role":"assistant","content":""},"done":false}') == (None, None)
    assert read_chat_line(b'{"message":{"role":"assistant","content":null},"done":false}') == (None, None)


def test_the_last_line_tells_reason_counts_and_milliseconds() -> None:
    line = (
        b'{"message":{"content":""},"done":true,"done_reason":"length","total_duration":1500000,"load_duration":500000,'
        b'"prompt_eval_count":3,"prompt_eval_duration":250000,"eval_count":4,"eval_duration":750000}'
    )
    end = ChatEnd("length", 3, 4, total_ms=1.5, load_ms=0.5, prompt_eval_ms=0.25, eval_ms=0.75)
    assert read_chat_line(line) == (None, end)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"error":"out of memory"}', "out of memory"),
        (b'{"error":{"message":"no","code":500}}', "no"),
        (b'{"error":""}', "no reason given"),
    ],
)
def test_an_error_line_is_told_in_the_servers_words(line: bytes, said: str) -> None:
    with pytest.raises(ServerSaidError, match=said):
        read_chat_line(line)


@pytest.mark.parametrize(
    "line",
    [
        b"%%%",
        b"[]",
        b'"x"',
        b"{}",
        b'{"done":false}',
        b'{"message":3}',
        b"{" * 3000,
        b'{"message":{"content":7}}',
    ],
)
def test_anything_else_is_not_a_line_of_a_chat(line: bytes) -> None:
    with pytest.raises(NotAChatLineError):
        read_chat_line(line)
