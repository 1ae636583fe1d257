"""Which scope each command and each query needs: the tables behind `access.py`, and all there is to read.

Invariant: everything that can be asked of a book has a line here; a test walks through all commands and all
parts of an open book and fails for what has none. Until it has, it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from application import commands as c
from application.access import Need, Scope
from application.import_commands import ImportConversations, ImportProject
from application.replay_commands import CancelReplay, EraseReplay, StartReplay

READ: Need = frozenset({Scope.READ})
ASK: Need = frozenset({Scope.ASK})
AUDIT: Need = frozenset({Scope.AUDIT})
ADMIN: Need = frozenset({Scope.ADMIN})
READ_OR_AUDIT: Need = frozenset({Scope.READ, Scope.AUDIT})
PROCESS: Need = frozenset()
"""Nobody from outside: what the process does for itself."""

COMMANDS: Mapping[type[c.Command], Need] = {
    c.StartConversation: ASK,
    c.AskQuestion: ASK,
    c.EditPrompt: ASK,
    c.AnswerAgain: ASK,
    c.ForkConversation: ASK,
    ImportConversations: ADMIN,
    ImportProject: ADMIN,
    c.RateAnswer: ASK,
    c.WriteNote: ASK,
    c.ChangeNote: ASK,
    c.RemoveNote: ASK,
    c.GoOnFrom: ASK,
    c.RenameConversation: ASK,
    c.ChangeConversation: ASK,
    c.ArchiveConversation: ASK,
    c.RestoreConversation: ASK,
    c.CreateProject: ASK,
    c.ChangeProject: ASK,
    c.RenameProject: ASK,
    c.DescribeProject: ASK,
    c.ChangeInstructions: ASK,
    c.SetDefaultModel: ASK,
    c.SetDefaultOptions: ASK,
    c.RestoreInstructions: ASK,
    c.ArchiveProject: ASK,
    c.RestoreProject: ASK,
    c.CreateRoutine: ASK,
    c.ChangeRoutine: ASK,
    c.RemoveRoutine: ASK,
    c.RunRoutine: ASK,
    c.HoldConversation: ADMIN,
    c.ReleaseConversation: ADMIN,
    c.HoldProject: ADMIN,
    c.ReleaseProject: ADMIN,
    c.EraseConversation: ADMIN,
    c.EraseProject: ADMIN,
    c.EraseRoutine: ADMIN,
    StartReplay: ASK,
    CancelReplay: ASK,
    EraseReplay: ADMIN,
    c.CreateToken: ADMIN,
    c.RevokeToken: ADMIN,
    c.OfferSession: ADMIN,
    c.EndSession: ADMIN,
}


def _each(need: Need, *names: str) -> dict[str, Need]:
    return dict.fromkeys(names, need)


QUERIES: Mapping[str, Mapping[str, Need]] = {
    "conversations": _each(
        READ,
        "newest",
        "listed",
        "get",
        "latest_of_actor",
        "find",
        "of_project",
        "held",
        "derived",
        "tags",
        "untitled",
        "walk",
    ),
    "projects": _each(READ, "all", "get", "find", "named", "instructions"),
    "routines": _each(READ, "all", "get", "find", "named", "versions"),
    "transcript": _each(
        READ,
        "branch",
        "current",
        "message",
        "messages",
        "find",
        "texts",
        "streaming_answers",
        "last_answer_of_actor",
        "last_answer_of_conversation",
        "last_answers",
        "children",
        "tree",
    ),
    "comparing": _each(READ, "compare"),
    "reporting": _each(AUDIT, "report"),
    "explaining": _each(READ, "explain"),
    "search": _each(READ, "search"),
    "replaying": _each(PROCESS, "run"),
    "replay_claims": _each(READ, "running"),
    "replays": _each(READ, "newest", "get", "find", "prompts", "whole"),
    "trail": _each(AUDIT, "events"),
    "past": _each(READ, "at", "happenings"),
    "usage": _each(READ, "figures", "total"),
    "access": {**_each(ADMIN, "all", "get", "find", "named"), **_each(AUDIT, "names")},
    "live": {
        **_each(READ, "read", "read_on"),
        **_each(PROCESS, "own", "dead", "save", "forget", "want_stopped", "stops_wanted", "listen"),
    },
    "turns": {
        **_each(READ, "standing_anywhere"),
        **_each(READ_OR_AUDIT, "length"),
        **_each(PROCESS, "enter", "leave", "standing", "look", "people_wait"),
    },
    "answering": {**_each(ASK, "start", "cancel"), **_each(READ, "running"), **_each(PROCESS, "close")},
    "titling": _each(PROCESS, "give", "close"),
    "model_server": {
        **_each(READ, "models", "show", "version"),
        **_each(ADMIN, "pull"),
        **_each(PROCESS, "chat", "embed", "close"),
    },
    "events": {**_each(READ_OR_AUDIT, "size"), **_each(AUDIT, "read", "follow")},
    "audit": {
        **_each(
            AUDIT,
            "key",
            "checkpoint",
            "checkpoints",
            "verify",
            "find_event",
            "find_message",
            "receipt",
            "extension",
        ),
        **_each(ADMIN, "export"),
    },
    "keys": {**_each(AUDIT, "status"), **_each(ADMIN, "rotate")},
    "read_models": {
        **_each(READ_OR_AUDIT, "status"),
        **_each(ADMIN, "rebuild", "scrub", "verify"),
        **_each(PROCESS, "named", "catch_up", "run"),
    },
}
"""By part of the book and name."""

PULLING: Mapping[str, Need] = {
    **_each(READ, "now"),
    **_each(ADMIN, "begin"),
    **_each(PROCESS, "server", "over", "stop"),
}
"""The pull of a model that a server looks after."""

RUNNING_ANSWER: Mapping[str, Need] = {
    **_each(READ, "answer_id", "conversation_id", "thinking", "text", "outcome", "updates", "ended"),
    **_each(READ, "begun", "first_token_at", "standing", "waits_for"),
    **_each(ASK, "cancel"),
    **_each(PROCESS, "stop", "add", "finish", "unsaved", "not_saved", "stand", "wait_for"),
    **_each(PROCESS, "become", "let_go"),
}
"""What `answering.running` lends."""
