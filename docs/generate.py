"""Write the pages of docs/ that are made from the code: settings and events.

    python docs/generate.py

A test compares them with the code, so they cannot drift.
"""

from dataclasses import fields
from pathlib import Path

from bootstrap.settings import DEFINITIONS, Definition
from domain.conversation import events as conversation_events
from domain.event import Event, catalogue, field_names
from domain.project import events as project_events

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
conversation or project, [why](../adr/0006-content-keys-and-erasure.md)) unless it is listed as plain.

Around each event stand its log index, its stream and version there, its own id, its time (set by the log),
the actor's opaque id, the source (`cli`, `api`, …), the correlation id of the user's action and the causation
id. All of these are readable by whoever reads the database.
"""


def settings_page() -> str:
    """Return docs/settings.md."""
    return _SETTINGS_HEAD + "".join(map(_setting_row, DEFINITIONS))


def events_page() -> str:
    """Return docs/events.md."""
    sections = (
        ("A conversation", conversation_events.__name__),
        ("A project", project_events.__name__),
    )
    types = catalogue.types().items()
    page = _EVENTS_HEAD
    for title, module in sections:
        page += f"\n## {title}\n"
        for name, cls in types:
            if cls.__module__ == module:
                page += _event_section(name, cls)
    return page


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
    return "\n".join(lines) + "\n"


def _first_paragraph(cls: type[Event]) -> str:
    text = (cls.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(text.split())


PAGES = {"settings.md": settings_page, "events.md": events_page}


if __name__ == "__main__":
    for page_name, make in PAGES.items():
        (DOCS / page_name).write_text(make(), encoding="utf-8")
