"""What the simulator says: the same for the same seed and request, and never without saying what it is."""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from application.titling import REQUEST

OPENING = "This is Daybook's simulator, not a model."

_TOKEN = re.compile(r"\s*\S{1,5}|\s+")
_MAX_QUOTED = 240
_WORDS = re.compile(r"[a-z+#]+")
_SQL = {"sql", "postgres", "postgresql", "query"}
_SHELL = {"shell", "bash", "sh", "terminal"}
_CODE = {"code", "function", "python", "script", "program", "class", "snippet", "regex"} | _SQL | _SHELL
_LIST = {"list", "lists", "steps", "ways", "ideas", "reasons", "tips", "examples"}
_TABLE = {"table", "compare", "comparison", "versus", "vs"}

_THOUGHTS = (
    "I know nothing about this, for I am a simulator; I can only give the answer a shape.",
    "There is no model behind me, so the facts will have to wait; the form need not.",
    "A short answer in Markdown will do, and it must not pretend to know.",
    "First I repeat the question, then I answer in the form that it asks for.",
)
_MIDDLES = (
    "A real model would now reason about it. I only show how its answer arrives: piece by piece.",
    "I hold no knowledge, so take nothing from these words but their form.",
    "What stands here was put together from the question and a seed: ask the same, read the same.",
)
_AFTERTHOUGHTS = (
    "Thinking came first, figures come last, and all of it is written into your book.",
    "Each of these words was sent as a token of its own, and the book keeps them as it would a model's.",
    "That makes me useful in tests and useless as an adviser.",
)
_CLOSINGS = (
    "Pull a real model and ask again to get an answer worth keeping.",
    "The record behind this answer is as real as any: look at it with `daybook show @last`.",
    "With Ollama running, `daybook models pull deepseek-r1:8b` gets a model that thinks.",
)
_FILLER = "the simulator goes on with words that mean nothing so that it lasts"
_POINTS = (
    "**Say what you want.** The question stands above as it was received.",
    "**Look at the form.** Lists, tables and code arrive like this from a real model too.",
    "**Check the record.** Each token you read is in the book.",
    "**Change the model.** The same prompt can be asked of another one later.",
)
_PYTHON = '''
def answer(question: str) -> str:
    """Say honestly that nothing is known."""
    return f"A simulator cannot answer {question!r}."


print(answer("this"))
'''
_SQL_TEXT = """
select 'a simulator cannot answer this' as answer,
       count(*)                         as facts_known
from   (select 1 where false) as knowledge;
"""
_SHELL_TEXT = """
#!/bin/sh
# A simulator cannot answer this, but its script runs.
printf '%s\\n' 'nothing is known'
"""
_SNIPPETS = {"python": _PYTHON, "sql": _SQL_TEXT, "sh": _SHELL_TEXT}


@dataclass(frozen=True)
class Answer:
    """A whole answer before it is cut into tokens."""

    thinking: str
    text: str


def tokens(text: str) -> list[str]:
    """Cut a text into pieces that join to the same text; a piece counts as one token."""
    return _TOKEN.findall(text)


def estimate_tokens(text: str) -> int:
    """Guess how many tokens a text is to a model: a quarter of its bytes."""
    return math.ceil(len(text.encode("utf-8", "surrogatepass")) / 4)


def prompt_tokens(messages: Sequence[Mapping[str, Any]]) -> int:
    """Guess how many tokens the messages are, each with the few that mark its role."""
    return sum(estimate_tokens(str(message.get("content") or "")) + 4 for message in messages)


def compose(
    model: str, messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any], seed: int
) -> Answer:
    """Make the answer to a request."""
    chance = _chance(model, messages, options, seed)
    question = _last_question(messages)
    if question.startswith(REQUEST):
        return Answer("", _title(question))
    words = set(_WORDS.findall(question.casefold()))
    thinking = " ".join(
        [f"I was sent {_told(messages)}.", *chance.sample(_THOUGHTS, 2), "That settles what to write."]
    )
    parts = [OPENING]
    if question:
        parts.append(f"You asked:\n\n{_as_quote(question)}")
    middle = f"{chance.choice(_MIDDLES)} {chance.choice(_AFTERTHOUGHTS)}"
    parts += [f"With it came {_told(messages)}.", middle]
    if words & _LIST:
        points = chance.sample(_POINTS, 3)
        parts.append("\n".join(f"{number}. {point}" for number, point in enumerate(points, 1)))
    if words & _TABLE:
        parts.append(
            "| | simulator | model |\n| --- | --- | --- |\n| speed | as set | as the machine can |\n"
            f"| knowledge | none | some |\n| seed | {seed} | its own |"
        )
    if words & _CODE:
        language = "sql" if words & _SQL else "sh" if words & _SHELL else "python"
        snippet = _SNIPPETS[language].strip()
        parts.append(f"Here is some code, which runs and knows nothing:\n\n```{language}\n{snippet}\n```")
    parts.append(chance.choice(_CLOSINGS))
    return Answer(thinking=thinking, text="\n\n".join(parts))


def as_json(answer: Answer) -> Answer:
    """Wrap the text into a JSON document, for requests with `format`."""
    return Answer(answer.thinking, json.dumps({"simulator": True, "answer": answer.text}, ensure_ascii=False))


def of_length(answer: Answer, count: int, seed: int) -> Answer:
    """Cut or stretch the answer's text to exactly so many tokens."""
    pieces = tokens(answer.text)
    chance = random.Random(seed)  # noqa: S311 - repeatable words, no secret
    filler = _FILLER.split()
    while len(pieces) < count:
        pieces += tokens(" " + " ".join(chance.sample(filler, len(filler))) + ".")
    return Answer(answer.thinking, "".join(pieces[:count]))


def odd(answer: Answer) -> Answer:
    """Put rarities into the text that naive readers die on."""
    rarities = ["next\x85line", "line\u2028separator", "half \ud83d", "whole 😀", "<b>&amp;</b>"]
    rarities += ["bell \x07", "nul \x00", "right-to-left \u202e"]
    return Answer(answer.thinking, f"{answer.text}\n\nRarities: {', '.join(rarities)}.")


def vector(text: str, dimensions: int) -> list[float]:
    """Return a unit vector in which texts that share words lie near each other."""
    sums = [0.0] * dimensions
    for word in re.findall(r"\w+", text.casefold()) or [""]:
        chance = random.Random(hashlib.sha256(word.encode("utf-8", "replace")).digest())  # noqa: S311 - as above
        sums = [value + chance.gauss(0, 1) for value in sums]
    length = math.sqrt(sum(value * value for value in sums)) or 1.0
    return [value / length for value in sums]


def _chance(
    model: str, messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any], seed: int
) -> random.Random:
    spoken = [(message.get("role"), message.get("content")) for message in messages]
    request = json.dumps([seed, options.get("seed"), model, spoken], default=str)
    return random.Random(hashlib.sha256(request.encode()).digest())  # noqa: S311 - repeatable words, no secret


def _title(request: str) -> str:
    """Return the beginning of the question that a title is wanted for, and that nobody thought about it."""
    words = request.partition("Question:")[2].partition("\n\nAnswer:")[0].split()
    return " ".join(["Simulated:", *words[:5]])


def _last_question(messages: Sequence[Mapping[str, Any]]) -> str:
    asked = [str(message.get("content") or "") for message in messages if message.get("role") == "user"]
    return asked[-1].strip() if asked else ""


def _as_quote(question: str) -> str:
    short = question if len(question) <= _MAX_QUOTED else question[:_MAX_QUOTED].rstrip() + " …"
    return "\n".join(f"> {line}".rstrip() for line in short.splitlines())


def _told(messages: Sequence[Mapping[str, Any]]) -> str:
    earlier = sum(message.get("role") in {"user", "assistant"} for message in messages) - 1
    instructed = any(message.get("role") == "system" for message in messages)
    past = {0: "no earlier messages", 1: "one earlier message"}.get(
        max(earlier, 0), f"{earlier} earlier messages"
    )
    return f"{past} and {'instructions to follow' if instructed else 'no instructions'}"
