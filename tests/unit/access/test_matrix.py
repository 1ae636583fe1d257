"""Every command and every query, with every scope and with none. What has no declared scope fails here."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from application import commands as c
from application import scopes
from application.access import Guarded, Need, Principal, Scope
from application.answering import Answering
from application.disclosing import Disclosures
from application.disclosing import Recorded as Written
from application.errors import ForbiddenError
from application.handlers import Commands
from application.ported import PortedProject
from application.ports.audit import Auditor
from application.ports.keys import Keys
from application.ports.live import LiveAnswers
from application.ports.log import Origin
from application.ports.model_server import ModelServer
from application.ports.turns import Turns
from application.pulling import Pulling
from application.replaying import Replaying
from application.running import RunningAnswer
from application.titling import Titling
from domain.errors import DaybookError
from domain.ids import new_id
from interfaces.admitted import AdmittedBook
from interfaces.book import Claims, EventReader, WholeBook
from interfaces.comparing.here import ComparingHere
from interfaces.explaining import ExplainingHere
from interfaces.reporting.here import ReportingHere
from projections.access.queries import AccessQueries
from projections.conversations.queries import ConversationQueries
from projections.past.view import Past
from projections.projects.queries import ProjectQueries
from projections.pump import Pump
from projections.replays.queries import ReplayQueries
from projections.routines.queries import RoutineQueries
from projections.search.queries import SearchQueries
from projections.trail.queries import TrailQueries
from projections.transcript.queries import TranscriptQueries
from projections.usage.queries import UsageQueries
from tests.fakes.write_side import memory_services

PARTS: dict[str, type] = {
    "conversations": ConversationQueries,
    "projects": ProjectQueries,
    "routines": RoutineQueries,
    "transcript": TranscriptQueries,
    "search": SearchQueries,
    "past": Past,
    "trail": TrailQueries,
    "replays": ReplayQueries,
    "replaying": Replaying,
    "replay_claims": Claims,
    "usage": UsageQueries,
    "access": AccessQueries,
    "live": LiveAnswers,
    "turns": Turns,
    "answering": Answering,
    "titling": Titling,
    "model_server": ModelServer,
    "events": EventReader,
    "explaining": ExplainingHere,
    "comparing": ComparingHere,
    "reporting": ReportingHere,
    "audit": Auditor,
    "keys": Keys,
    "read_models": Pump,
}
NO_PART = {
    "actor",
    "arrival",
    "commands",
    "admission",
    "clock",
    "erasing",
    "disclosures",
    "porting",
    "replay_desk",
    "look_after",
    "watched",
    "close",
    "watch_appends",
    "connections_in_use",
}

# Written out once more on purpose: what a scope lets somebody do is a promise, not a detail of a table.
ENOUGH: dict[Scope, set[Scope]] = {
    Scope.READ: {Scope.READ, Scope.ASK, Scope.ADMIN},
    Scope.ASK: {Scope.ASK, Scope.ADMIN},
    Scope.AUDIT: {Scope.AUDIT, Scope.ADMIN},
    Scope.ADMIN: {Scope.ADMIN},
}
HELD: list[frozenset[Scope]] = [frozenset(), *(frozenset({scope}) for scope in Scope)]
VALUES: dict[str, Any] = {
    "UUID": new_id(),
    "UUID | None": new_id(),
    "str": "a word",
    "str | None": "a word",
    "int": 3,
    "tuple[str, ...]": ("ask",),
    "tuple[UUID, ...]": (new_id(),),
    "Mapping[str, Any]": {"temperature": 0.5},
    "datetime": datetime(2027, 1, 1, tzinfo=UTC),
    "tuple[PortedConversation, ...]": (),
    "PortedProject": PortedProject(id=new_id(), name="a word", began_at=1, changed_at=2),
}


def principal(held: frozenset[Scope]) -> Principal:
    return Principal("ada", "api", held)


def allowed(need: Need, held: frozenset[Scope]) -> bool:
    return any(scope in ENOUGH[one] for one in need for scope in held)


def all_commands() -> list[type[c.Command]]:
    return [*(one for one in c.Command.__subclasses__() if one is not c.Edit), *c.Edit.__subclasses__()]


def made(kind: type[c.Command]) -> c.Command:
    """Return a command whose fields hold something of their type."""
    needed = {
        item.name: VALUES[str(item.type)]
        for item in fields(kind)
        if item.default is MISSING
        and item.default_factory is MISSING
        and item.name not in {"actor", "source"}
    }
    return kind(actor="ada", source="api", **needed)


def public(kind: type) -> set[str]:
    """Return the names of a class's public methods and properties, those of its parents among them."""
    names = {
        name
        for one in kind.__mro__
        for name, value in vars(one).items()
        if inspect.isfunction(value) or isinstance(value, property)
    }
    return {name for name in names if not name.startswith("_")}


def test_every_command_has_a_scope() -> None:
    assert set(scopes.COMMANDS) == set(all_commands())
    assert all(scopes.COMMANDS.values()), "a command that nobody may give"


def test_every_part_of_the_book_has_a_table() -> None:
    assert public(WholeBook) == set(PARTS) | NO_PART
    assert set(scopes.QUERIES) == set(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_every_query_has_a_scope(part: str) -> None:
    assert public(PARTS[part]) == set(scopes.QUERIES[part])


def test_all_of_a_running_answer_has_a_scope() -> None:
    assert public(RunningAnswer) | shown(RunningAnswer) == set(scopes.RUNNING_ANSWER)


def test_all_of_a_pull_has_a_scope() -> None:
    assert public(Pulling) | shown(Pulling) == set(scopes.PULLING)


def shown(kind: type) -> set[str]:
    """Return the public fields of a dataclass."""
    return {item.name for item in fields(kind) if not item.name.startswith("_")}


@pytest.mark.parametrize("held", HELD, ids=lambda held: " ".join(held) or "none")
@pytest.mark.parametrize("kind", all_commands(), ids=lambda kind: kind.__name__)
def test_a_command_is_taken_from_whom_its_scope_allows(kind: type[c.Command], held: frozenset[Scope]) -> None:
    services = memory_services()
    commands = Commands(services).acting_for(principal(held))

    def give() -> None:
        commands._handled(made(kind))

    if allowed(scopes.COMMANDS[kind], held):
        try:
            give()
        except ForbiddenError:
            pytest.fail(f"{kind.__name__} is refused with {held}")
        except DaybookError:
            pass  # what it names is not there
    else:
        with pytest.raises(ForbiddenError, match=kind.__name__):
            give()
        assert services.log.size() == 0


class Anything:
    """Has every name."""

    def __getattr__(self, name: str) -> str:
        return f"touched {name}"


TOUCHES = [
    pytest.param(part, name, need, id=f"{part}.{name}")
    for part, needs in scopes.QUERIES.items()
    for name, need in needs.items()
]


@pytest.mark.parametrize("held", HELD, ids=lambda held: " ".join(held) or "none")
@pytest.mark.parametrize(("part", "name", "need"), TOUCHES)
def test_a_query_is_answered_to_whom_its_scope_allows(
    part: str, name: str, need: Need, held: frozenset[Scope]
) -> None:
    book: Any = AdmittedBook(BookOf(Anything()), principal(held))  # type: ignore[arg-type]
    if allowed(need, held):
        found = getattr(getattr(book, part), name)
        assert callable(found) if (part, name) == ("answering", "running") else found == f"touched {name}"
    else:
        with pytest.raises(ForbiddenError, match=rf"{part}\.{name}"):
            getattr(getattr(book, part), name)


@pytest.mark.parametrize("held", HELD, ids=lambda held: " ".join(held) or "none")
@pytest.mark.parametrize("name", scopes.RUNNING_ANSWER)
def test_a_running_answer_is_lent_with_the_same_check(name: str, held: frozenset[Scope]) -> None:
    class Answers:
        def running(self, answer_id: UUID) -> Anything | None:
            return Anything() if answer_id == HERE else None

    part = Guarded(
        Answers(),
        scopes.QUERIES["answering"],
        principal(held | {Scope.READ}),
        "answering",
        {"running": scopes.RUNNING_ANSWER},
    )
    assert part.running(new_id()) is None
    running = part.running(HERE)
    if allowed(scopes.RUNNING_ANSWER[name], held | {Scope.READ}):
        assert getattr(running, name) == f"touched {name}"
    else:
        with pytest.raises(ForbiddenError):
            getattr(running, name)


HERE = new_id()


class BookOf:
    """A book whose every part is the same."""

    def __init__(self, part: Any) -> None:
        self._part = part
        self.disclosures = Disclosures(memory_services().log, Written.OFF, Origin("ada", "cli"))

    def __getattr__(self, name: str) -> Any:
        return self._part


def test_closing_answers_of_the_dead_is_for_whoever_reads() -> None:
    looks: list[str] = []
    book: Any = BookOf(None)
    book.look_after = lambda: looks.append("looked")
    reader, auditor = (Principal("ada", "api", frozenset({scope})) for scope in (Scope.READ, Scope.AUDIT))

    AdmittedBook(book, reader).look_after()
    with pytest.raises(ForbiddenError, match="look_after needs the scope `read`"):
        AdmittedBook(book, auditor).look_after()

    assert looks == ["looked"]


@pytest.mark.parametrize("name", ["close", "admission", "clock", "database", "log", "keyring"])
def test_what_is_no_part_of_the_tables_is_for_the_process_alone(name: str) -> None:
    book: Any = AdmittedBook(BookOf(Anything()), Principal.everything("ada", "api"))  # type: ignore[arg-type]
    with pytest.raises(ForbiddenError, match="own machine only"):
        getattr(book, name)


def test_what_a_part_does_not_declare_is_refused_even_to_an_administrator() -> None:
    part = Guarded(Anything(), {}, Principal.everything("ada", "api"), "part")
    with pytest.raises(ForbiddenError, match=r"part\.invented"):
        part.invented  # noqa: B018 - touching is the point
