"""How an explained answer looks: what is known of it, line by line, then the messages as they were sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from application.recorded_request import Check
from domain.ids import short
from interfaces.cli.console import clean, local, one_line, out, out_is_terminal, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interfaces.explanation_views import ExplanationView, InstructionsOriginView, SentMessageView

CHECKS: dict[str, str] = {
    Check.SAME: "rendered again, and its hash proves it: this is the request that was sent",
    Check.DIFFERENT: "rendered again, but its hash is another: this is NOT the request that was sent. An "
    "answer in it was completed later, or something was altered",
    Check.KEY_ELSEWHERE: "rendered again; it cannot be checked here, as the model was asked in another book, "
    "which alone has the key of its hash",
    Check.KEY_DESTROYED: "rendered again; it cannot be checked any more, as the conversation in which the "
    "model was asked was erased, and the key of its hash with it",
}
_LABEL = 13
_ROLES = {"system": "Instructions", "user": "Prompt", "assistant": "Answer"}


def print_explanation(found: ExplanationView) -> None:
    """Print an explanation for people."""
    pretty = out_is_terminal()
    _line(f"Answer {short(found.answer_id)}", "bold", pretty=pretty)
    for label, told in _facts(found):
        _fact(label, told, pretty=pretty)
    for sent in found.sent or ():
        _print_sent(sent, pretty=pretty)
    out("")


def _facts(found: ExplanationView) -> Iterator[tuple[str, str]]:
    known = found.provenance
    who = one_line(found.actor_name) or found.actor[-8:]
    yield "asked", f"{local(found.asked_at)} by {who} through {found.source}"
    yield "conversation", short(found.conversation_id)
    yield "status", _status(found)
    digest = f", digest {one_line(known.model_digest)}" if known.model_digest else ", its digest was not told"
    yield "model", one_line(known.model) + digest
    yield "options", _options(known.options) if known.options or not found.erased else "(erased)"
    if known.think is not None:
        yield "thinking", known.think if isinstance(known.think, str) else ("yes" if known.think else "no")
    yield "instructions", _instructions(found, found.instructions)
    yield "sent", _sent(found)
    yield "time", _times(found)
    yield "tokens", _tokens(found)
    yield "request", found.not_rendered or CHECKS.get(found.check or "", found.check or "")
    yield "hash", known.request_hash or "none was recorded"
    if found.origin_message_id is not None:
        yield "copy of", short(found.origin_message_id)
    if found.imported_id is not None:
        yield "taken in", f"from a file, where its id was {found.imported_id}"
    if found.receipt is not None:
        yield "receipt", _receipt(found)


def _status(found: ExplanationView) -> str:
    reason = f" ({one_line(found.reason)})" if found.reason else ""
    detail = f": {one_line(found.detail)}" if found.detail else ""
    told = found.status + reason + detail
    if found.erased:
        told += "; its content was erased"
    elif found.damaged:
        told += "; some of it was altered after it was written"
    return told


def _options(options: dict[str, Any]) -> str:
    return ", ".join(f"{one_line(name)} {one_line(json.dumps(value))}" for name, value in options.items())


def _instructions(found: ExplanationView, origin: InstructionsOriginView | None) -> str:
    if origin is None:
        return "none" if found.sent is not None else "none of a project"
    if origin.origin == "prompt":
        return "came with the prompt, and stand over a project's"
    name = one_line(origin.project_name) or (short(origin.project_id) if origin.project_id else "?")
    return f"version {origin.version} of project {name}"


def _sent(found: ExplanationView) -> str:
    count = len(found.provenance.sent_message_ids)
    cut = found.provenance.cut_count
    told = f"{count} message{'' if count == 1 else 's'}"
    if cut == 0:
        return told + ", nothing was cut"
    return f"{told}; the {cut} oldest of the branch were cut, as they did not fit"


def _times(found: ExplanationView) -> str:
    times = found.timings
    parts = [
        f"{name} {_seconds(value)}"
        for name, value in (
            ("first token after", times.first_token_ms),
            ("loading", times.load_ms),
            ("reading", times.prompt_eval_ms),
            ("writing", times.eval_ms),
        )
        if value is not None
    ]
    whole = _seconds(times.total_ms) if times.total_ms is not None else "not told"
    return f"{whole} ({', '.join(parts)})" if parts else whole


def _seconds(ms: float) -> str:
    return f"{ms / 1000:.2f} s" if ms < 9_995 else f"{ms / 1000:.1f} s"  # noqa: PLR2004 - three digits


def _tokens(found: ExplanationView) -> str:
    read, written = found.usage.prompt_tokens, found.usage.completion_tokens
    told = f"{'?' if read is None else read} read, {'?' if written is None else written} written"
    return told if found.tokens_per_second is None else f"{told}, {found.tokens_per_second:.1f} a second"


def _receipt(found: ExplanationView) -> str:
    place = found.receipt
    if place is None:
        return ""
    if place.checkpoint_event_count is None:
        proven = "in no checkpoint yet"
    else:
        proven = f"in the checkpoint of {place.checkpoint_event_count} events"
    return f"event {place.log_index} of the log, {proven}: daybook audit receipt {short(found.answer_id)}"


def _print_sent(sent: SentMessageView, *, pretty: bool) -> None:
    name = _ROLES.get(sent.role, sent.role)
    heading = name if sent.message_id is None else f"{name} {short(sent.message_id)}"
    out("")
    _line(f"sent as {sent.role}: {heading}", "bold cyan", pretty=pretty)
    # As it was sent, to the letter: no Markdown is drawn.
    out(clean(sent.content) if pretty else sent.content)


def _fact(label: str, told: str, *, pretty: bool) -> None:
    if not pretty:
        out(f"{label:<{_LABEL}} {told}")
        return
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(min_width=_LABEL)
    grid.add_column(overflow="fold")
    grid.add_row(Text(label, style="dim"), Text(clean(told)))
    terminal().print(grid)


def _line(text: str, style: str, *, pretty: bool) -> None:
    if not pretty:
        out(text)
        return
    from rich.text import Text

    terminal().print(Text(clean(text), style=style))
