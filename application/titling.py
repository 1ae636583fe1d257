"""Titles that a model makes for conversations that nobody has named, behind everything that people wait for.

Invariants: a title that a person gave is never replaced: whether there is one is looked at after the
conversation was loaded, and the append expects the version that was loaded. A title is not worth a wait: it
stands behind all answers in the line, and while it is made it is dropped as soon as somebody waits. Nothing
that goes wrong here reaches anybody.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Any
from uuid import UUID

from application.deciding import TRIES
from application.line import Line
from application.ports.clock import Clock
from application.ports.log import Log, Origin
from application.ports.memory import Memory, RecordedAnswer
from application.ports.model_server import ChatEnd, ChatMessage, ChatRequest, ModelServer
from application.ports.turns import Turns
from application.running import RunningAnswer
from application.thinking import Reclassified, ThinkSplitter
from application.threads import in_thread
from domain.conversation.conversation import Conversation, Kind, Status
from domain.errors import DaybookError, WrongVersionError
from domain.ids import new_id

SYSTEM = "system"
REQUEST = "Give the following conversation a title."
LONGEST_TITLE = 80
RECENT = timedelta(days=7)
LOOK_EVERY_SECONDS = 0.25

_HOW = (
    "At most six words, in the language of the question, as a heading: no quotation marks, no full stop, "
    "nothing before or after it. Do not answer the question."
)
_QUOTED = 1_000
_MOST_TOKENS = 40
_TRIES = 2


class Titling:
    """Gives titles on one event loop. Databases are called from threads, never from the loop."""

    def __init__(
        self,
        log: Log,
        memory: Memory,
        server: ModelServer,
        turns: Turns,
        clock: Clock,
        *,
        look_every: float = LOOK_EVERY_SECONDS,
    ) -> None:
        self._log = log
        self._memory = memory
        self._server = server
        self._turns = turns
        self._clock = clock
        self._look_every = look_every
        self._tried: dict[UUID, int] = {}
        self._closing = False

    async def give(self) -> int:
        """Give titles to the conversations of the last days that have an answer and none; return how many.

        One that got none twice is left alone by this process.
        """
        since = self._clock.now() - RECENT
        given = 0
        with contextlib.suppress(DaybookError):
            for one in await in_thread(lambda: self._memory.untitled(since)):
                tried = self._tried.get(one, 0)
                if tried < _TRIES and not self._closing:
                    self._tried[one] = tried + 1
                    given += await self._give(one)
        return given

    def close(self) -> None:
        """Begin no other title. Whoever waits for `give` cancels it; what cannot be cancelled is its last."""
        self._closing = True

    async def _give(self, conversation_id: UUID) -> bool:
        asked = await in_thread(lambda: self._request(conversation_id))
        if asked is None:
            return False
        place = new_id()
        line = Line(self._turns, look_every=self._look_every)
        await in_thread(lambda: self._turns.enter(place, background=True))
        try:
            if self._closing:
                return False
            await line.turn(RunningAnswer(place, conversation_id, _nothing))
            text = await self._asked(asked)
        finally:
            await line.leave(place)
            await line.close()
        title = cleaned(text)
        if not title:
            return False
        return await in_thread(lambda: self._record(conversation_id, title, asked.model))

    def _request(self, conversation_id: UUID) -> ChatRequest | None:
        """Return what a model is to be asked, in the way of the first answer: so it need not load anew."""
        conversation = self._log.load(Conversation, conversation_id)
        answers = (one for one in conversation.messages.values() if one.kind is Kind.ANSWER)
        first = next((one for one in answers if one.status is Status.COMPLETE), None)
        if first is None or first.parent_id is None or self._is_named(conversation):
            return None
        said = self._memory.recorded([first.parent_id, first.id])
        return _request(said)

    async def _asked(self, request: ChatRequest) -> str:
        """Return what the model says; nothing where somebody came to wait for it, or it did not end."""
        asking = asyncio.create_task(self._said(request))
        try:
            while not asking.done():
                await asyncio.wait([asking], timeout=self._look_every)
                if not asking.done() and (self._closing or await in_thread(self._turns.people_wait)):
                    return ""
            return asking.result()
        finally:
            asking.cancel()
            await asyncio.wait([asking])

    async def _said(self, request: ChatRequest) -> str:
        splitter, text, end = ThinkSplitter(), "", ChatEnd(reason="")
        stream: Any = self._server.chat(request)
        async with aclosing(stream):
            async for item in stream:
                if isinstance(item, ChatEnd):
                    end = item
                    continue
                for piece in splitter.feed(item):
                    text = "" if isinstance(piece, Reclassified) else text + piece.text
        for piece in splitter.end():
            text = "" if isinstance(piece, Reclassified) else text + piece.text
        return text if end.reason == "stop" else ""  # cut off, it may be the beginning of thinking

    def _record(self, conversation_id: UUID, title: str, model: str) -> bool:
        for _ in range(TRIES):
            conversation = self._log.load(Conversation, conversation_id)
            if self._is_named(conversation):
                return False
            conversation.take_title(title, model=model)
            with contextlib.suppress(WrongVersionError):
                self._log.save([conversation], Origin(SYSTEM, SYSTEM, new_id()))
                return True
        return False

    def _is_named(self, conversation: Conversation) -> bool:
        return conversation.named or self._memory.title(conversation.id) is not None


def _nothing(_reason: str) -> None:
    """Nobody stops it from outside."""


def _request(said: Sequence[object]) -> ChatRequest:
    prompt, answer = said
    if not isinstance(answer, RecordedAnswer):
        raise TypeError("what follows a prompt is an answer")
    question = getattr(prompt, "text", "")[:_QUOTED]
    words = f"{REQUEST} {_HOW}\n\nQuestion:\n{question}\n\nAnswer:\n{answer.text[:_QUOTED]}"
    return ChatRequest(
        model=answer.model,
        messages=[ChatMessage("user", words)],
        options={"num_ctx": answer.context_length, "num_predict": _MOST_TOKENS, "temperature": 0.2},
        think=False,
    )


def cleaned(text: str) -> str:
    """Return what a model said as a title: one printable line, not long, and nothing around it."""
    lines = (line.strip(" \t#*_`\"'“”„«»") for line in text.strip().splitlines())
    line = next((one for one in lines if one), "")
    head, colon, rest = line.partition(":")
    if colon and head.strip("* ").casefold() in {"title", "titel", "titre"}:
        line = rest.strip(" \t#*_`\"'“”„«»")
    shown = "".join(letter if letter.isprintable() else " " for letter in line[: LONGEST_TITLE * 4])
    title = " ".join(shown.split()).rstrip(".")
    if len(title) <= LONGEST_TITLE:
        return title
    return title[: LONGEST_TITLE - 1].rpartition(" ")[0][: LONGEST_TITLE - 1].rstrip() + "…"
