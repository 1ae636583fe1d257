"""What each kind of error means and what to do: docs/errors.md, and the pages that `type` leads to.

Invariant: every kind has exactly one entry, those of `interfaces/errors.py` and those that HTTP alone knows;
a test holds the two against each other, and the page in docs is made from here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """One kind of error: what happened, what it means for what is recorded, what to do."""

    happened: str
    data: str
    do: str


_UNTOUCHED = "Nothing was recorded or changed."
_AS_BEFORE = "Everything recorded is as it was before."

EXPLANATIONS: dict[str, Explanation] = {
    "failed": Explanation(
        "Daybook could not do what was asked, for a reason that has no kind of its own; `detail` says it.",
        "What was recorded before is safe. `detail` says whether anything was recorded now.",
        "Follow `hint`. `daybook doctor` looks at everything a working book needs.",
    ),
    "invalid-input": Explanation(
        "What was sent cannot be accepted as it is: empty, too large, not text, or of the wrong form.",
        _UNTOUCHED,
        "Correct it and send it again. A repetition of the same will fail in the same way.",
    ),
    "not-found": Explanation(
        "The book has no such thing: the id is of another book, mistyped, or of another kind of thing.",
        _UNTOUCHED,
        "Look for it: `daybook list`, `GET /api/v1/conversations`, `GET /api/v1/ids/{fragment}`.",
    ),
    "refused": Explanation(
        "A rule forbids it in the present state: the conversation is archived, or held, or the state you "
        "want is there already.",
        _UNTOUCHED,
        "`detail` names the rule and `hint` the way out. Repeating it changes nothing.",
    ),
    "conflict": Explanation(
        "Somebody else changed the same thing at the same moment, or it is busy: its answer is still being "
        "written, for example.",
        "Nothing of this command was recorded; what the other one recorded stands.",
        "Look at the new state, then decide again.",
    ),
    "wrong-version": Explanation(
        "The stream moved on under this command again and again while it was tried.",
        "Nothing of this command was recorded.",
        "Try again; if it keeps happening, something writes to this conversation without pause.",
    ),
    "changed-meanwhile": Explanation(
        "The request carried `If-Match`, and the thing does not stand at that version any more.",
        "Nothing of this command was recorded; what others recorded stands.",
        "Get it again, look at what is new, and send the change with the new `ETag`.",
    ),
    "already-under-way": Explanation(
        "A command under the same `Idempotency-Key` is being carried out at this moment.",
        "The first one goes on; this one did nothing.",
        "Wait as long as `Retry-After` says and send it again under the same key: you get the first result.",
    ),
    "idempotency-mismatch": Explanation(
        "The `Idempotency-Key` was used before, for another command.",
        _UNTOUCHED,
        "Use a new key for a new command, and the same key only for the same command.",
    ),
    "content-erased": Explanation(
        "The key of this content was destroyed on somebody's command.",
        "The content is gone for ever, for everybody. That it was there, when, and who erased it stays in "
        "the log.",
        "Nothing brings it back but a backup made before, with its keys.",
    ),
    "content-damaged": Explanation(
        "Content does not open with its own key: it was altered after it was written.",
        "This part cannot be read; everything else can.",
        "Find out what was altered: `daybook audit verify`. Restore a backup made before.",
    ),
    "event-damaged": Explanation(
        "A stored event cannot be read: its bytes were altered outside of Daybook.",
        "Readers stop there rather than skip it. Nothing else is touched.",
        "`daybook audit verify` names the event. Restore a backup made before.",
    ),
    "unknown-event-type": Explanation(
        "The log holds an event that a newer Daybook wrote.",
        "Nothing is lost. This release stops there rather than skip it.",
        "Update Daybook.",
    ),
    "model-server-error": Explanation(
        "The model server did not do what was asked; `detail` says what it answered.",
        "A prompt that was sent is recorded, and its answer as failed, with what came of it.",
        "Follow `hint`; then ask the same prompt again (`answerAgain`).",
    ),
    "model-server-unreachable": Explanation(
        "Nothing answers at the model server's address.",
        "A prompt that was sent is recorded, and its answer as failed.",
        "Start it (`ollama serve`) or set `DAYBOOK_OLLAMA_URL`; `daybook doctor` looks whether it is there.",
    ),
    "model-missing": Explanation(
        "The model server is there and does not have this model.",
        "A prompt that was sent is recorded, and its answer as failed.",
        "Get the model: `daybook models pull NAME`, `POST /api/v1/models/pull`. Then `answerAgain`.",
    ),
    "model-server-overloaded": Explanation(
        "The model server refuses more work for now.",
        "A prompt that was sent is recorded, and its answer as failed.",
        "Wait a little, then `answerAgain`.",
    ),
    "model-server-timed-out": Explanation(
        "Nothing came from the model server for too long.",
        "A prompt that was sent is recorded, and its answer as failed, with what came of it.",
        "Look at the model server. Loading a large model may need a larger `load_timeout`.",
    ),
    "answer-broken-off": Explanation(
        "The model server's stream ended or failed in the middle of an answer.",
        "What came is recorded with the answer.",
        "`answerAgain`; the earlier answer stays beside it.",
    ),
    "context-too-long": Explanation(
        "The messages do not fit into the model's context, even after the oldest were cut.",
        "The prompt is recorded, and its answer as failed.",
        "Shorten the prompt, choose a larger `num_ctx`, or a model with a larger context.",
    ),
    "database-error": Explanation(
        "PostgreSQL failed, is too old, or is not a book's; `detail` says which.",
        "What was acknowledged before is safe. `detail` says whether anything was written now.",
        "`daybook doctor` looks at the database and says what to do.",
    ),
    "database-unreachable": Explanation(
        "No connection to PostgreSQL could be made, or it was lost.",
        "What was acknowledged before is safe. Unless `detail` says otherwise, nothing was recorded now.",
        "Bring the database back and try again, best under the same `Idempotency-Key`.",
    ),
    "keyring-error": Explanation(
        "The master key, or the signing key, is missing, wrong or unreadable.",
        "Nothing was written. Without the right key no content can be read.",
        "Bring the key back: `daybook keys import FILE`; `daybook paths` says where it belongs.",
    ),
    "scope-needed": Explanation(
        "Whoever asked was let in, but not for this: their token or session lacks the scope it needs.",
        _UNTOUCHED,
        "`detail` names the scope. Make a token that has it: `daybook token create NAME --scope SCOPE`.",
    ),
    "token-wrong": Explanation(
        "No such token, session or link was ever made here, or it was mistyped.",
        _UNTOUCHED,
        "Look at it again, or make a new one: `daybook token create NAME`, `daybook link`.",
    ),
    "token-expired": Explanation(
        "The time of this token, session or link has passed.",
        _UNTOUCHED,
        "Make a new one: `daybook token create NAME`, `daybook link`.",
    ),
    "token-revoked": Explanation(
        "This token was revoked, or its session has ended.",
        _UNTOUCHED,
        "Make a new one, if it was not revoked for a reason: `daybook token create NAME`, `daybook link`.",
    ),
    "link-used": Explanation(
        "This link has signed somebody in already; each does so once.",
        _UNTOUCHED,
        "Make a new one: `daybook link`. If somebody else opened it: `daybook token revoke ID`.",
    ),
    "line-full": Explanation(
        "As many answers wait for the model server as may wait.",
        "Nothing was recorded, not even the prompt.",
        "Ask again after `Retry-After`, or raise `queue_limit`.",
    ),
    "not-proved": Explanation(
        "A check ran, and what was claimed is not proved.",
        _AS_BEFORE,
        "`daybook audit verify` says what is wrong with the log, if it is the log.",
    ),
    "request-unknown": Explanation(
        "What the model was sent for this answer cannot be rendered again: it was erased, or the answer was "
        "taken in from a file that does not say it.",
        _AS_BEFORE,
        "`daybook explain` shows what else is known of the answer.",
    ),
    "position-unknown": Explanation(
        "A query asked for the state at a log size that the log has not reached.",
        "The number is of another book, or this log was put back to an older state.",
        "Ask without it. If you had the number from this book, `daybook audit verify` finds what is missing.",
    ),
    "read-model-stalled": Explanation(
        "Another process holds a read model and does not move on.",
        "The log is whole; only this view of it is behind.",
        "`daybook projections status` shows which. End the process that hangs.",
    ),
    "read-model-newer": Explanation(
        "A newer Daybook made this read model.",
        "Nothing is lost. This release does not read it rather than misread it.",
        "Update Daybook, or let no older one run beside the newer.",
    ),
    "rebuild-under-way": Explanation(
        "Somebody else is rebuilding this read model.",
        "Their rebuild goes on; the live read model answers meanwhile.",
        "Wait for it: `daybook projections status`.",
    ),
    "unknown-read-model": Explanation(
        "There is no read model of that name.",
        _UNTOUCHED,
        "`daybook projections status` lists them.",
    ),
    # Those that only the command line knows, against a server.
    "server-error": Explanation(
        "The Daybook server that the command line goes to did not do what was asked; `detail` says why.",
        _AS_BEFORE,
        "Follow the hint. `daybook doctor` looks at the server and says both versions.",
    ),
    "server-unreachable": Explanation(
        "No connection to the Daybook server could be made, or it was lost: the server is not running, the "
        "address is wrong, or its certificate is not trusted.",
        "Where nothing could be sent, nothing was recorded. A command that was under way is sent again under "
        "the same key, so it is never recorded twice; an answer goes on at the server.",
        "Start the server (`daybook serve`); look at the address (`daybook config list`); or use the book of "
        "this machine: `daybook --server local …`.",
    ),
    "no-daybook": Explanation(
        "Something answers at the address that `server` names, and it is no Daybook.",
        _UNTOUCHED,
        "Correct the address: `daybook config list` shows it and where it comes from.",
    ),
    "server-too-old": Explanation(
        "The server is of a version that does not know what this command needs, or answers in another form.",
        _UNTOUCHED,
        "Update the older one of the two; `daybook doctor` shows both versions.",
    ),
    # Those that only HTTP knows.
    "malformed": Explanation(
        "The request cannot be read: its body is no JSON, or not in UTF-8.",
        _UNTOUCHED,
        "Correct it and send it again.",
    ),
    "token-needed": Explanation(
        "The server wants to know who asks, and this request carried nothing that says it.",
        _UNTOUCHED,
        "Send `Authorization: Bearer TOKEN`, with a token of `daybook token create NAME`; a browser opens "
        "the link of `daybook link`.",
    ),
    "foreign-origin": Explanation(
        "A page of another site, open in the same browser, sent this request.",
        _UNTOUCHED,
        "If the site is yours, set `DAYBOOK_PUBLIC_URL` to the address people open.",
    ),
    "foreign-host": Explanation(
        "The `Host` header names a host that is not this server's.",
        _UNTOUCHED,
        "Set `DAYBOOK_ALLOWED_HOSTS` (or `DAYBOOK_PUBLIC_URL`) to the names it is reached by.",
    ),
    "no-such-path": Explanation(
        "There is nothing at this path.",
        _UNTOUCHED,
        "`GET /docs` and `GET /openapi.json` list what there is.",
    ),
    "no-such-method": Explanation(
        "The path is there, and does not take this method.",
        _UNTOUCHED,
        "The header `Allow` lists what it takes.",
    ),
    "too-slow": Explanation(
        "The rest of the request did not come in time.",
        _UNTOUCHED,
        "Send it again. Look at the connection if it keeps happening.",
    ),
    "too-many-requests": Explanation(
        "This address asked too often, or came with too many wrong tokens.",
        _UNTOUCHED,
        "Wait as long as `Retry-After` says. `rate_limit` sets how many requests a minute are right.",
    ),
    "too-large": Explanation(
        "The body is larger than any request can be. A prompt has at most 2 MiB of text.",
        _UNTOUCHED,
        "Send less.",
    ),
    "wrong-media-type": Explanation(
        "The body is of a media type that is not taken here.",
        _UNTOUCHED,
        "Send JSON, with `Content-Type: application/json`.",
    ),
    "invalid-request": Explanation(
        "The request does not have the right form; `errors` names each place.",
        _UNTOUCHED,
        "Correct those places. The OpenAPI document says what they take.",
    ),
    "unexpected": Explanation(
        "Daybook has made a mistake. No detail of it is told to clients.",
        "What was recorded before is safe. Look before you repeat a command, or repeat it under the same "
        "`Idempotency-Key`.",
        "Look for the `correlation_id` in the server's messages, and report what stands there.",
    ),
    "disk-full": Explanation(
        "The server's disk has no room for the file that was sent, which is kept there while it is taken in.",
        "Nothing of the file was imported. What was recorded before is safe.",
        "Free some space on the server, and send the file again.",
    ),
    "stopping": Explanation(
        "The server is stopping and takes no new work.",
        _UNTOUCHED,
        "Send it again as soon as the server is back; `Retry-After` says when to try.",
    ),
}


def page_of(slug: str, title: str) -> str | None:
    """Return one kind's section, in Markdown; None where there is no such kind."""
    found = EXPLANATIONS.get(slug)
    if found is None:
        return None
    return (
        f"## {slug}\n\n**{title}.** {found.happened}\n\n"
        f"*Your data:* {found.data}\n\n*What to do:* {found.do}\n"
    )
