"""Reading what a server sends: views strictly, events line by line, connections that fail."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from interfaces.http.examples import EXAMPLES
from interfaces.http.sse import Place, StreamEvent, deltas
from interfaces.record_views import MeView, RecordedMessagesView
from interfaces.remote.connection import ServerAddress
from interfaces.remote.decoding import read, view
from interfaces.remote.events import EventLines, ServerEvent
from interfaces.remote.losses import not_there
from interfaces.server_errors import OldServerError
from interfaces.views import ConversationItemView, DoneView, ProjectView

SEEN = {"actor": "a", "source": "api", "scopes": ["read"], "version": "1", "model": "m", "log_size": 3}


def events(text: str) -> list[ServerEvent]:
    lines = EventLines()
    return [event for line in text.split("\n") if (event := lines.take(line)) is not None]


def test_a_view_comes_back_as_it_was() -> None:
    found = view(EXAMPLES["ConversationItemView"], ConversationItemView)
    assert isinstance(found.id, UUID)
    assert found.updated_at == datetime(2026, 3, 1, 9, 30, 17, tzinfo=UTC)
    assert view(EXAMPLES["ProjectView"], ProjectView).name == "Physics"


def test_what_a_newer_server_adds_is_passed_over() -> None:
    assert view({**SEEN, "mood": "good"}, MeView).log_size == 3


def test_half_a_surrogate_pair_passes() -> None:
    assert read(b'{"id":"0195d1c2-7a3e-7c4b-9f10-5b1f0c3a7d21","log_size":1}', DoneView).log_size == 1
    page = {"messages": [], "next_cursor": "\ud800"}
    assert read(json.dumps(page), RecordedMessagesView).next_cursor == "\ud800"


@pytest.mark.parametrize(
    "plain", [{}, {**SEEN, "log_size": "3"}, {**SEEN, "scopes": "read"}, {**SEEN, "actor": None}, []]
)
def test_what_does_not_fit_is_refused(plain: Any) -> None:
    with pytest.raises(OldServerError, match="another version"):
        view(plain, MeView)
    with pytest.raises(OldServerError):
        read(b"<html>", MeView)


def test_events_are_read_as_the_server_writes_them() -> None:
    sent = [
        *deltas("hm\u2028", "h\u0085i", Place()),
        StreamEvent("done", {"answer_id": "x"}, Place(3, 3, ended=True)),
    ]
    text = "retry: 1000\n\n:\n\n" + b"".join(event.encode() for event in sent).decode()
    assert events(text) == [
        ServerEvent("delta", {"thinking": "hm\u2028"}, "3.0"),
        ServerEvent("delta", {"text": "h\u0085i"}, "3.3"),
        ServerEvent("done", {"answer_id": "x"}, "3.3.end"),
    ]


def test_what_is_no_event_of_ours_is_refused() -> None:
    for data in ("{", "[]"):
        with pytest.raises(OldServerError):
            events(f"event: delta\ndata: {data}\n\n")


def test_a_certificate_that_is_not_trusted_is_told_with_the_way_out() -> None:
    problem = not_there("https://x", OSError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"))
    assert "not one that this machine trusts" in problem.message
    assert "SSL_CERT_FILE" in problem.hint


def test_a_token_is_not_shown_with_its_address() -> None:
    assert "secret" not in repr(ServerAddress("http://x", "secret"))
