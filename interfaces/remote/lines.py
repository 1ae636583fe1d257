"""The table from commands to requests. A new command needs a line here, or in `APART`.

Invariant: whatever a command carries is in its request; a value that the line does not name is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from application import commands as c
from application.import_commands import ImportConversations, ImportProject
from application.replay_commands import CancelReplay, EraseReplay, StartReplay

Method = Literal["POST", "PUT", "PATCH", "DELETE"]
Returns = Literal["done", "asked", "erased", "made"]


@dataclass(frozen=True)
class Line:
    """One request.

    Args:
        method: of HTTP.
        path: below `/api/v1/`, with the names of the command's fields in braces; or what makes it.
        body: the fields that go into the body, under their own names.
        renamed: fields that go into it under another name.
        returns: what comes back.
        cleared: a field that is taken away by an empty text, where the command says None.
        said_by: fields that go into the body, None or not, where another one says so, and only there.
        known_there: fields that the server finds by the others.
        fixed: what is said of every such command.
    """

    method: Method
    path: str | Callable[[Any], str]
    body: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    returns: Returns = "done"
    cleared: str | None = None
    said_by: Mapping[str, str] = field(default_factory=dict)
    known_there: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What is sent for a command."""

    method: Method
    path: str
    body: dict[str, Any] | None
    headers: dict[str, str]
    returns: Returns


_CONVERSATION, _PROJECT = "conversations/{conversation_id}", "projects/{project_id}"
_NOTE = "messages/{message_id}/notes/{note_id}"
_OWNER = ("conversation_id",)
_ALL_OF_PROJECT = ("name", "description", "instructions", "default_model", "default_options")
_ROUTINE = "routines/{routine_id}"
_HOW = ("model", "options", "think")
_SAID = ("description", "instructions", *_HOW)


def _of_prompt(command: c.AskQuestion) -> str:
    where = command.conversation_id
    return "prompts" if where is None else f"conversations/{where}/prompts"


LINES: Mapping[type[c.Command], Line] = {
    c.StartConversation: Line("POST", "conversations", ("title", "project_id")),
    c.AskQuestion: Line(
        "POST", _of_prompt, ("text", "project_id", "parent_id", "instructions", *_HOW), returns="asked"
    ),
    c.AnswerAgain: Line("POST", _CONVERSATION + "/prompts/{prompt_id}/answers", _HOW, returns="asked"),
    c.EditPrompt: Line(
        "POST",
        _CONVERSATION + "/prompts/{prompt_id}/edits",
        ("text", "instructions", *_HOW),
        returns="asked",
        fixed={"as_before": False},  # the command says all of it
    ),
    c.GoOnFrom: Line("PUT", _CONVERSATION + "/current", ("message_id", "to_end")),
    c.ForkConversation: Line("POST", _CONVERSATION + "/forks", ("message_id", "title", "project_id")),
    c.RateAnswer: Line("PUT", "answers/{answer_id}/rating", ("rating", "words"), known_there=_OWNER),
    c.WriteNote: Line("POST", "messages/{message_id}/notes", ("text",), known_there=_OWNER),
    c.ChangeNote: Line("PUT", _NOTE, ("text",), known_there=_OWNER),
    c.RemoveNote: Line("DELETE", _NOTE, known_there=_OWNER),
    c.RenameConversation: Line("PATCH", _CONVERSATION, ("title",)),
    c.ChangeConversation: Line(
        "PATCH",
        _CONVERSATION,
        ("title", "project_id", "tags", "add_tags", "remove_tags", "pinned", "archived"),
        said_by={"project_id": "move"},
    ),
    c.ArchiveConversation: Line("POST", _CONVERSATION + "/archive"),
    c.RestoreConversation: Line("POST", _CONVERSATION + "/restore"),
    c.CreateProject: Line("POST", "projects", _ALL_OF_PROJECT),
    c.ChangeProject: Line("PATCH", _PROJECT, _ALL_OF_PROJECT),
    c.RenameProject: Line("PATCH", _PROJECT, ("name",)),
    c.DescribeProject: Line("PATCH", _PROJECT, ("description",)),
    c.ChangeInstructions: Line("PATCH", _PROJECT, ("instructions",)),
    c.SetDefaultModel: Line("PATCH", _PROJECT, renamed={"model": "default_model"}, cleared="model"),
    c.SetDefaultOptions: Line("PATCH", _PROJECT, renamed={"options": "default_options"}),
    c.RestoreInstructions: Line("POST", _PROJECT + "/instructions/{version}/restore"),
    c.ArchiveProject: Line("POST", _PROJECT + "/archive"),
    c.RestoreProject: Line("POST", _PROJECT + "/restore"),
    c.CreateRoutine: Line("POST", "routines", ("name", "prompt", *_SAID)),
    c.ChangeRoutine: Line("PATCH", _ROUTINE, ("name", "prompt", *_SAID)),
    c.RemoveRoutine: Line("DELETE", _ROUTINE),
    c.RunRoutine: Line(
        "POST",
        _ROUTINE + "/runs",
        ("version", "input", "variables", "project_id", *_HOW),
        returns="asked",
    ),
    c.HoldConversation: Line("POST", _CONVERSATION + "/hold", ("reason",)),
    c.ReleaseConversation: Line("POST", _CONVERSATION + "/release", ("reason",)),
    c.HoldProject: Line("POST", _PROJECT + "/hold", ("reason",)),
    c.ReleaseProject: Line("POST", _PROJECT + "/release", ("reason",)),
    c.EraseConversation: Line("POST", _CONVERSATION + "/erasure", ("with_derived",), returns="erased"),
    c.EraseProject: Line("POST", _PROJECT + "/erasure", ("with_derived",), returns="erased"),
    c.EraseRoutine: Line("POST", _ROUTINE + "/erasure", returns="erased"),
    CancelReplay: Line("POST", "replays/{replay_id}/cancel"),
    EraseReplay: Line("POST", "replays/{replay_id}/erasure"),
    c.CreateToken: Line("POST", "tokens", ("name", "scopes", "expires_at"), returns="made"),
    c.RevokeToken: Line("POST", "tokens/{token_id}/revoke"),
    c.EndSession: Line("POST", "sessions/{session_id}/end"),
}

APART: frozenset[type[c.Command]] = frozenset(
    {c.OfferSession, ImportConversations, ImportProject, StartReplay}
)
"""Commands whose request says other things than they do: see `RemoteCommands.make`.

Files to import are sent to the server as they are, and what is to be replayed is named as a person names it;
the commands follow from them there.
"""

_IN_HEADERS = frozenset({"correlation_id", "idempotency_key", "expected_version"})
_OF_THE_TOKEN = frozenset({"actor", "source"})
_ALWAYS_SENT = frozenset(
    {"text", "title", "name", "reason", "message_id", "description", "instructions", "prompt"}
)


def request_of(command: c.Command, key: str) -> Request:
    """Return the request of a command, under an idempotency key.

    Raises:
        ValueError: the command carries something that its line has no place for.
    """
    line = LINES[type(command)]
    path = line.path(command) if callable(line.path) else line.path.format(**vars(command))
    in_path = set() if callable(line.path) else _names_in(line.path)
    elsewhere = _IN_HEADERS | _OF_THE_TOKEN | in_path | set(line.known_there) | set(line.said_by.values())
    names = {name: name for name in line.body} | dict(line.renamed)
    body: dict[str, Any] = dict(line.fixed)
    for item in fields(command):
        value = getattr(command, item.name)
        if item.name in line.said_by:
            if getattr(command, line.said_by[item.name]):
                body[item.name] = _plain(value)
        elif item.name in names:
            if item.name == line.cleared and value is None:
                value = ""
            if value != _default(item) or item.name in _ALWAYS_SENT or item.name in line.renamed:
                body[names[item.name]] = _plain(value)
        elif item.name in elsewhere or value == _default(item):
            continue
        elif not (callable(line.path) and item.name == "conversation_id"):
            raise ValueError(f"{type(command).__name__}.{item.name} has no place in its request")
    return Request(line.method, path, body if names else None, _headers(command, key), line.returns)


def _headers(command: c.Command, key: str) -> dict[str, str]:
    headers = {"Daybook-Correlation-Id": str(command.correlation_id), "Idempotency-Key": key}
    expected = getattr(command, "expected_version", None)
    if expected is not None:
        headers["If-Match"] = f'"{expected}"'
    return headers


def _names_in(path: str) -> set[str]:
    import string

    return {name for _, name, _, _ in string.Formatter().parse(path) if name}


def _default(item: Any) -> object:
    if item.default_factory is not MISSING:
        return item.default_factory()
    return item.default


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return dict(value) if isinstance(value, Mapping) else value
