"""What is offered when somebody presses Tab: one table, and the sources it names.

To complete one more thing, write a source and a line of `TABLE`. A source yields (what is typed, what it
means); it looks at the book through `Glance`, which starts, waits for and changes nothing. Whatever it raises
means that nothing is offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from interfaces.cli.console import one_line

if TYPE_CHECKING:
    from interfaces.book import Book
    from interfaces.cli.host import Host
    from projections.conversations.queries import ConversationSummary
    from projections.conversations.wanted import Archived
    from projections.transcript.messages import Message

LAST = "@last"
_MOST_CONVERSATIONS = 60
_MOST_MESSAGES = 20
_LONGEST_HELP = 60
_HEX = frozenset("0123456789abcdef-")

Offer: TypeAlias = tuple[str, str]
"""What is typed, and what it means (perhaps nothing)."""


@dataclass
class Glance:
    """What a source looks at. `typed` is the beginning of the word, perhaps empty."""

    host: Host
    typed: str

    @cached_property
    def book(self) -> Book:
        """The book as it is, if it can be had at once."""
        return self.host.glance()

    def close(self) -> None:
        """Let the book go, if one was looked at."""
        if "book" in self.__dict__:
            self.book.close()


Source: TypeAlias = Callable[[Glance], Iterable[Offer]]


class Row(NamedTuple):
    """`commands` are names with spaces inside, divided by commas; `*`: all; `db *`: all of a group."""

    commands: str
    parameter: str
    source: Source


def conversations(glance: Glance) -> Iterator[Offer]:
    """Offer the newest conversations, with their titles."""
    yield from _conversations(glance, archived="exclude")


def archived(glance: Glance) -> Iterator[Offer]:
    """Offer the newest archived conversations."""
    yield from _conversations(glance, archived="only")


def messages(glance: Glance) -> Iterator[Offer]:
    """Offer the last messages of the latest conversation, then the newest conversations."""
    yield from _last(glance)
    latest = glance.book.conversations.latest_of_actor(glance.book.actor)
    if latest is not None and not latest.erased:
        for message in reversed(glance.book.transcript.branch(latest.id, limit=_MOST_MESSAGES)):
            yield _of_message(message)
    yield from _conversations(glance, archived="include", last=False)


def conversations_then_messages(glance: Glance) -> Iterator[Offer]:
    """Offer the newest conversations; once something is typed, messages as well."""
    yield from _conversations(glance, archived="include")
    if glance.typed.strip("@"):
        yield from messages(glance)


def projects(glance: Glance) -> Iterator[Offer]:
    """Offer the projects by their names."""
    for found in glance.book.projects.all():
        if found.name and not found.erased:
            yield found.name, found.description


def tags(glance: Glance) -> Iterator[Offer]:
    """Offer the tags that conversations have."""
    for found in glance.book.conversations.tags():
        yield found.name, f"{found.conversation_count:,}"


def replays(glance: Glance) -> Iterator[Offer]:
    """Yield the newest replays, by what they asked."""
    from domain.ids import short

    for one in glance.book.replay_desk.listed(limit=_MOST_MESSAGES).replays:
        yield short(one.replay_id), f"{one.prompt_count} prompts to {one.model}, {one.status}"


def routines(glance: Glance) -> Iterator[Offer]:
    """Offer the routines that were not removed."""
    for found in glance.book.routines.all():
        if found.newest.name:
            yield found.newest.name, found.newest.description


def models(glance: Glance) -> Iterator[Offer]:
    """Offer the models that are installed, the default one first."""
    from contextlib import suppress

    from domain.errors import DaybookError

    names: list[str] = []
    with suppress(DaybookError):
        names = list(glance.host.installed_models())
    default = glance.host.setting("model")
    for name in sorted(names, key=lambda name: (name != default, name)):
        yield name, "the default" if name == default else ""


def all_models(glance: Glance) -> Iterator[Offer]:
    """Offer what is installed, and the sizes of DeepSeek-R1 that can be had."""
    from application.model_sizes import SIZES
    from interfaces.cli.console import size

    yield from models(glance)
    for one in SIZES:
        yield one.name, size(one.download_bytes)


def settings(glance: Glance) -> Iterator[Offer]:
    """Offer the settings, with what they are."""
    for found in glance.host.settings():
        yield found.key, found.help


def saved_servers(glance: Glance) -> Iterator[Offer]:
    """Offer the saved servers."""
    for found in glance.host.servers.all():
        yield found.name, found.url


def servers(glance: Glance) -> Iterator[Offer]:
    """Offer the saved servers, and this machine."""
    yield from saved_servers(glance)
    yield "local", "the book of this machine"


def tokens(glance: Glance) -> Iterator[Offer]:
    """Offer the tokens that were not revoked."""
    for found in glance.book.access.all():
        if found.kind == "token" and found.name and found.ended_at is None:
            yield found.name, found.scopes


def read_models(glance: Glance) -> Iterator[Offer]:
    """Offer the read models."""
    for found in glance.book.read_models.status().read_models:
        yield found.name, ""


def ratings(_: Glance) -> Iterator[Offer]:
    """Offer what can be said of an answer."""
    yield from (("up", "it is good"), ("down", "it is bad"), ("clear", "take the rating back"))


def moments(_: Glance) -> Iterator[Offer]:
    """Offer some of the ways to say when."""
    yield from (("today", ""), ("yesterday", ""), ("7d", "seven days ago"), ("30d", "thirty days ago"))


def scopes(_: Glance) -> Iterator[Offer]:
    """Offer what a token may be allowed to do."""
    from application.access import Scope

    yield from ((scope.value, "") for scope in Scope)


# The first row that fits counts.
TABLE: tuple[Row, ...] = (
    Row("*", "project", projects),
    Row("models pull", "name", all_models),
    Row("models show, project model", "name", models),
    Row("*", "model", models),
    Row("*", "tag", tags),
    Row("*", "routine", routines),
    Row("replay *", "replay", replays),
    Row("*", "conversation", conversations),
    Row("restore", "what", archived),
    Row("show, tree, history", "identifier", conversations_then_messages),
    Row("archive, rename, erase, hold add, hold release, delete, pin, unpin", "identifier", conversations),
    Row("*", "identifier", messages),
    Row("*", "after", messages),
    Row("rate", "words", ratings),
    Row("config *", "key", settings),
    Row("server use", "name", servers),
    Row("server rm", "name", saved_servers),
    Row("*", "server", servers),
    Row("token revoke", "which", tokens),
    Row("*", "scope", scopes),
    Row("projections rebuild, projections verify", "names", read_models),
    Row("*", "since", moments),
    Row("*", "until", moments),
)


def source_of(command: str, parameter: str) -> Source | None:
    """Return what offers the values of a parameter of a command (`hold add`), or None."""
    for row in TABLE:
        if row.parameter == parameter and any(_fits(one.strip(), command) for one in row.commands.split(",")):
            return row.source
    return None


def _fits(pattern: str, command: str) -> bool:
    return pattern in {"*", command} or (
        pattern.endswith(" *") and command.startswith(pattern.removesuffix("*"))
    )


def _last(glance: Glance) -> Iterator[Offer]:
    if LAST.startswith(glance.typed):
        yield LAST, "your latest"


def _conversations(glance: Glance, *, archived: Archived, last: bool = True) -> Iterator[Offer]:
    from domain.ids import fragment, short
    from projections.conversations.wanted import Wanted

    if last and archived != "only":
        yield from _last(glance)
    if not _HEX.issuperset(glance.typed.lower()):
        return
    queries = glance.book.conversations
    found = queries.listed(Wanted(archived=archived), limit=_MOST_CONVERSATIONS).conversations
    fits = [one for one in found if short(one.id).startswith(glance.typed) and not one.erased]
    for one in fits:
        yield short(one.id), _title(one)
    digits = fragment(glance.typed)
    if digits is not None and not fits:
        for one in queries.find(digits):
            yield (short(one.id) if short(one.id).startswith(digits) else str(one.id)), _title(one)


def _title(found: ConversationSummary) -> str:
    return one_line(found.title) or "(no title)"


def _of_message(message: Message) -> Offer:
    from domain.ids import short

    words = one_line(message.text[: 4 * _LONGEST_HELP])
    return short(message.id), f"{'you' if message.kind == 'prompt' else one_line(message.model)}: {words}"
