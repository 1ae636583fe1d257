"""Write the pages of docs/ that are made from the code.

    python docs/generate.py

A test compares them with the code, so they cannot drift.
"""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer

from application import scopes
from application.access import IMPLIED, Need, Scope, in_words
from bootstrap.settings import DEFINITIONS, Definition
from domain.access import events as access_events
from domain.conversation import events as conversation_events
from domain.conversation import import_events
from domain.disclosure import events as disclosure_events
from domain.event import Event, catalogue, field_names
from domain.project import events as project_events
from domain.replay import events as replay_events
from domain.routine import events as routine_events
from interfaces.cli.app import app
from interfaces.explanations import page_of
from interfaces.http import metrics
from interfaces.http.app import openapi_document
from interfaces.http.kinds import kinds
from interfaces.http.logs import LINES

DOCS = Path(__file__).parent

_SETTINGS_HEAD = """\
# Settings

<!-- Made by docs/generate.py from bootstrap/settings.py; change it there. -->

A value is looked for in this order: a flag on the command line, the environment, `config.toml`, the default.
`daybook config list` shows each value and where it comes from; `daybook config set KEY VALUE` writes
`config.toml`; `daybook paths` says where that file is (`DAYBOOK_CONFIG` names another).

Each variable has a twin whose name ends in `_FILE`: it names a file that holds the value. Give secrets that
way. Secrets are never written to `config.toml` and never shown.

Without a `home`, Daybook keeps its data where the platform keeps a user's: `~/.local/share/daybook` on Linux,
`~/Library/Application Support/daybook` on macOS; for root on Linux it is `/var/lib/daybook`.

| setting | environment | default | |
| --- | --- | --- | --- |
"""

_EVENTS_HEAD = """\
# Events

<!-- Made by docs/generate.py from the event catalogue of the domain; change it there. -->

All that a book can record. Events are stored under these names and versions for ever
([why](../adr/0004-event-type-names-are-data.md)). A field is *content* (encrypted under the key of its
conversation, project or routine, [why](../adr/0006-content-keys-and-erasure.md)) unless it is listed as
plain.

Around each event stand its log index, its stream and version there, its own id, its time (set by the log),
the actor's opaque id, the source (`cli`, `api`, …), the correlation id of the user's action and the causation
id. All of these are readable by whoever reads the database.
"""

_SCOPES = {
    Scope.READ: "see conversations, projects, routines and answers, search, follow an answer",
    Scope.ASK: "ask, cancel, open, rename and archive conversations and projects; save and run routines",
    Scope.AUDIT: "see who did what when, and prove it; not what was said",
    Scope.ADMIN: "erase, hold, let others in, look after keys and read models",
}

_NOT_OURS = {"help", "install_completion", "show_completion"}


def _head(name: str) -> str:
    """Return what stands above a page's tables."""
    return (DOCS / "heads" / f"{name}.txt").read_text(encoding="utf-8")


def settings_page() -> str:
    """Return docs/settings.md."""
    return _SETTINGS_HEAD + "".join(map(_setting_row, DEFINITIONS))


def events_page() -> str:
    """Return docs/events.md."""
    sections = (
        ("A conversation", conversation_events.__name__),
        ("A conversation taken in from a file", import_events.__name__),
        ("A project", project_events.__name__),
        ("A routine", routine_events.__name__),
        ("A replay", replay_events.__name__),
        ("Who read or exported what", disclosure_events.__name__),
        ("Tokens, links and sessions", access_events.__name__),
    )
    types = catalogue.types().items()
    page = _EVENTS_HEAD
    for title, module in sections:
        page += f"\n## {title}\n"
        for name, cls in types:
            if cls.__module__ == module:
                page += _event_section(name, cls)
    return page


def cli_page() -> str:
    """Return docs/cli.md."""
    root = typer.main.get_command(app)
    return _head("cli") + "".join(
        _command_section(path, command) for path, command in _commands(root, "daybook")
    )


def api_page() -> str:
    """Return docs/api.md."""
    rows = [
        f"| `{method.upper()} {path}` | `{operation['operationId']}` | {_cell(operation['description'])} |\n"
        for path, operations in openapi_document()["paths"].items()
        for method, operation in operations.items()
    ]
    return _head("api") + "".join(rows)


def errors_page() -> str:
    """Return docs/errors.md."""
    found = kinds()
    rows = [
        f"| [{one.slug}](#{one.slug}) | {one.title} | {one.status} | "
        f"{'' if one.exit_code is None else one.exit_code} |\n"
        for one in found
    ]
    sections = [f"\n{page_of(one.slug, one.title)}" for one in found]
    return _head("errors") + "".join(rows) + "".join(sections)


def operations_page() -> str:
    """Return docs/operations.md."""
    lines = [f"| `{name}` | {_cell(text)} |\n" for name, text in LINES.items()]
    figures = [
        f"| `{name}` | {kind} | {labels} | {_cell(text)} |\n" for name, kind, labels, text in metrics.names()
    ]
    return _head("operations") + "".join(lines) + _head("metrics") + "".join(figures)


def access_page() -> str:
    """Return docs/access.md."""
    page = _head("access").replace("SCOPES", "".join(map(_scope_row, Scope)))
    page += "| command | scope |\n| --- | --- |\n"
    for command, need in scopes.COMMANDS.items():
        page += f"| `{command.__name__}` | {_need(need)} |\n"
    page += "\n| query | scope |\n| --- | --- |\n"
    for part, names in scopes.QUERIES.items():
        for need in dict.fromkeys(names.values()):
            which = ", ".join(f"`{name}`" for name, one in names.items() if one == need)
            page += f"| `{part}`: {which} | {_need(need)} |\n"
    return page


def _scope_row(scope: Scope) -> str:
    return f"| `{scope}` | {_SCOPES[scope]} | {in_words(IMPLIED[scope])} |\n"


def _need(need: Need) -> str:
    return " or ".join(f"`{scope}`" for scope in sorted(need)) or "only Daybook itself"


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the full name of a command and the command, then all below it."""
    yield path, command
    if hasattr(command, "list_commands"):
        context = command.context_class(command)
        for name in command.list_commands(context):
            yield from _commands(command.get_command(context, name), f"{path} {name}")


def _command_section(path: str, command: Any) -> str:
    """Return what is to be known of one command, in a layout that no version of the library changes."""
    lines = [f"\n## {path}\n", " ".join((command.help or "").split()) + "\n"]
    told = [one for one in command.params if not getattr(one, "hidden", False) and one.name not in _NOT_OURS]
    if told:
        lines += ["| | |", "| --- | --- |"]
    for one in told:
        value = "" if getattr(one, "is_flag", False) else one.metavar or (one.name or "").upper()
        if one.param_type_name == "argument":
            shown = value if one.required else f"[{value}]"
        else:
            shown = ", ".join([*one.opts, *one.secondary_opts]) + (f" {value}" if value else "")
        lines.append(f"| `{_cell(shown)}` | {_cell(one.help or '')} |")
    return "\n".join(lines).rstrip("\n") + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _setting_row(definition: Definition) -> str:
    variables = ", ".join(f"`{variable}`" for variable in definition.variables)
    default = f"`{definition.default}`" if definition.default else ""
    secret = " Secret." if definition.secret else ""
    return f"| `{definition.key}` | {variables} | {default} | {definition.help}{secret} |\n"


def _event_section(name: str, cls: type[Event]) -> str:
    own = [field.name for field in fields(cls) if field.name in field_names(cls)]
    plain = ", ".join(f"`{field}`" for field in own if field in cls.plain)
    content = ", ".join(f"`{field}`" for field in own if field not in cls.plain)
    lines = [f"\n### `{name}`, version {cls.schema_version}\n", f"{_first_paragraph(cls)}\n"]
    if content:
        lines.append(f"- content: {content}")
    if plain:
        lines.append(f"- plain: {plain}")
    if not own:
        lines.append("- no fields of its own")
    lines += [f"- version {version}: {_first_paragraph(step)}" for version, step in catalogue.steps(name)]
    return "\n".join(lines) + "\n"


def _first_paragraph(documented: object) -> str:
    text = (documented.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(text.split())


PAGES = {
    "settings.md": settings_page,
    "events.md": events_page,
    "cli.md": cli_page,
    "api.md": api_page,
    "errors.md": errors_page,
    "operations.md": operations_page,
    "access.md": access_page,
}


if __name__ == "__main__":
    for page_name, make in PAGES.items():
        (DOCS / page_name).write_text(make(), encoding="utf-8")
