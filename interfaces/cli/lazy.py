"""The root of the command line: a table of commands, each module imported when its command is called.

Invariant: `daybook --help` and `daybook --version` import no command at all. The table repeats each
command's first line of help; a test holds both together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import typer
from typer.core import TyperGroup


@dataclass(frozen=True)
class Entry:
    """One command or group of the root. `module` lies in this package and has an `app`.

    `hidden`: it is there for who types it, and stands in no list.
    """

    name: str
    module: str
    help: str
    section: str
    hidden: bool = False


COMMANDS = (
    Entry("ask", "ask", "Ask a question and record it with its answer.", "Talk"),
    Entry("routine", "routine", "Save prompts with variables, and run each as one command.", "Talk"),
    Entry("chat", "chat", "Talk with a model, turn by turn.", "Talk"),
    Entry("retry", "retry", "Answer a prompt once more; the answers it has stay.", "Talk"),
    Entry("edit", "edit", "Say a prompt differently, beside the old one, and have it answered.", "Talk"),
    Entry("cancel", "cancel", "Stop an answer that is being written, keeping what it has.", "Talk"),
    Entry("demo", "demo", "See Daybook at work: nothing to install, nothing left behind.", "Talk"),
    Entry("list", "list", "List conversations: pinned ones, then the newest first.", "Look"),
    Entry("show", "show", "Show a conversation.", "Look"),
    Entry("explain", "explain", "Say what made an answer: model, options, the very request.", "Look"),
    Entry("tree", "tree", "Show all branches of a conversation.", "Look"),
    Entry("replay", "replay", "Ask recorded prompts again, of another model or in another way.", "Look"),
    Entry("history", "history", "Tell how a conversation came to be.", "Look"),
    Entry("search", "search", "Find messages by their words.", "Look"),
    Entry("stats", "stats", "Count tokens, time and ratings, by model, day or project.", "Look"),
    Entry("audit", "audit", "Look at the log of everything that happened, and prove it.", "Look"),
    Entry("switch", "switch", "Choose the branch on which a conversation goes on.", "Organise"),
    Entry("fork", "fork", "Copy a branch into a conversation of its own.", "Organise"),
    Entry("rate", "rate", "Say that an answer is good or bad.", "Organise"),
    Entry("note", "note", "Write a note on a message, or see its notes.", "Organise"),
    Entry("export", "export", "Write conversations as Markdown, JSON or a page of HTML.", "Organise"),
    Entry(
        "import",
        "importing",
        "Take conversations in from a file.",
        "Organise",
    ),
    Entry("rename", "rename", "Give a conversation a title.", "Organise"),
    Entry("tag", "tag", "Put tags on a conversation and take them off, or see all tags.", "Organise"),
    Entry("pin", "pin", "Let lists show a conversation before others.", "Organise"),
    Entry("unpin", "unpin", "Let lists show a conversation in its turn again.", "Organise"),
    Entry("move", "move", "Put a conversation into another project, or out of its own.", "Organise"),
    Entry("archive", "archive", "Put a conversation out of the way.", "Organise"),
    Entry(
        "restore",
        "restore",
        "Load a whole book from a backup, or bring an archived conversation back.",
        "Organise",
    ),
    Entry("erase", "erase", "Erase a conversation, a project or a routine, for ever.", "Organise"),
    Entry(
        "delete",
        "delete",
        "Say how to put a conversation out of the way, or to erase it; nothing is done.",
        "Organise",
        hidden=True,
    ),
    Entry("hold", "hold", "Forbid erasing a conversation or a project.", "Organise"),
    Entry("project", "project", "Group conversations; give them instructions and a model.", "Organise"),
    Entry("models", "models", "See, get and choose models.", "Set up"),
    Entry("config", "config", "See and change settings.", "Set up"),
    Entry("completion", "completion", "Let your shell complete commands, ids and names.", "Set up"),
    Entry("paths", "paths", "Show where data, logs, keys and configuration are.", "Set up"),
    Entry("doctor", "doctor", "Check everything a working book needs, and say the fix.", "Set up"),
    Entry("keys", "keys", "Back up and replace the master key; wrap all keys anew.", "Set up"),
    Entry("backup", "backup", "Write the whole book into one file, while it is in use.", "Set up"),
    Entry("token", "token", "Let programs in over HTTP, each for what it needs.", "Run"),
    Entry("link", "link", "Make a link that signs one browser in, once.", "Run"),
    Entry("serve", "serve", "Serve the book over HTTP.", "Run"),
    Entry("server", "server", "Choose the server that commands go to.", "Run"),
    Entry("db", "db", "Look after the book's database.", "Run"),
    Entry("projections", "projections", "Look after the read models.", "Run"),
    Entry("simulate-ollama", "simulate", "Run a simulator that speaks Ollama's protocol.", "Run"),
)

_BY_NAME = {entry.name: entry for entry in COMMANDS}


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are called."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        # Typer suggests "did you mean" from the keys of this mapping; the values are never used.
        self.commands = dict.fromkeys(_BY_NAME)  # type: ignore[assignment]

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Return the names in the order of the help."""
        del ctx
        return list(_BY_NAME)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """Import one command; None where there is none of that name."""
        del ctx
        entry = _BY_NAME.get(cmd_name)
        return None if entry is None else load(entry)

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Write the table by sections, without importing what it names."""
        del ctx
        for section in dict.fromkeys(entry.section for entry in COMMANDS):
            with formatter.section(section):
                shown = [e for e in COMMANDS if e.section == section and not e.hidden]
                formatter.write_dl([(e.name, e.help) for e in shown])


@cache
def load(entry: Entry) -> Any:
    """Import a command, once a process."""
    from importlib import import_module

    from interfaces.cli.helping import polish

    module = import_module(f"interfaces.cli.{entry.module}")
    command = typer.main.get_command(module.app)
    command.name = entry.name
    polish(command, entry.name)
    return command


def command_app(help_text: str | None = None) -> typer.Typer:
    """Return an empty Typer app with the house's manners: plain help, no stack traces, nothing installed."""
    return typer.Typer(
        help=help_text,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=help_text is not None,
    )


def group_app(help_text: str) -> typer.Typer:
    """Return a Typer app that stays a group even with a single command."""
    app = command_app(help_text)
    app.callback()(_nothing)
    return app


def _nothing() -> None:
    pass
