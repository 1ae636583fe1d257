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
from domain.event import Event, catalogue, field_names
from domain.project import events as project_events
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
conversation or project, [why](../adr/0006-content-keys-and-erasure.md)) unless it is listed as plain.

Around each event stand its log index, its stream and version there, its own id, its time (set by the log),
the actor's opaque id, the source (`cli`, `api`, …), the correlation id of the user's action and the causation
id. All of these are readable by whoever reads the database.
"""

_CLI_HEAD = """\
# The command line

<!-- Made by docs/generate.py from the commands' own help; change it there. -->

All commands in one place. Exit codes: 0 done, 1 failed, 2 wrong usage or invalid input, 3 not found,
4 refused, 5 model server, 6 database, 7 the check ran and the answer is no, 130 interrupted.

`-h` or `--help` explains any of them, `daybook --install-completion` sets up your shell to complete them. An
`ID` is a whole id, or enough of its beginning or end (four digits and more); `@last` is your latest
conversation.
"""

_API_HEAD = """\
# The HTTP interface

<!-- Made by docs/generate.py: the table from the application's OpenAPI document, the text in that file. -->

`daybook serve` listens on `127.0.0.1:8484` (setting `listen`). `GET /openapi.json` describes every
operation for generators and tools (the tests generate a client from it and use it); `GET /docs` shows the
same as a page, without a script and without anything from elsewhere.

```sh
at=http://127.0.0.1:8484/api/v1
json='Content-Type: application/json'
# One request: a new conversation, the prompt, and its finished answer.
curl -s $at/prompts -H "$json" -H 'Prefer: wait=60' -d '{"text": "Why is the sky blue?"}'
# The same, as it comes.
curl -sN $at/prompts -H "$json" -H 'Accept: text/event-stream' -d '{"text": "And at sunset?"}'
# Or at once with 202; the answer is at Location, its stream one step further.
curl -si $at/conversations/ID/prompts -H "$json" -d '{"text": "And on Mars?"}'
curl -N $at/answers/ANSWER/stream
```

## Who is let in

Programs send `Authorization: Bearer TOKEN`, with a token of `daybook token create NAME`; a browser opens
the link that `daybook link` prints, once. Each may do what its scopes allow; else the answer is 403 and
says what is needed. 401 says that nobody is let in with this, and why; 429 that too many wrong tokens came
from one address, and for how long. On loopback, without `DAYBOOK_TOKEN`, programs of the user Daybook runs
as need none. [All of it](access.md): scopes, links, proxies, names.

`/readyz` tells whoever asks whether the server is ready, and why only to those who may read the book.

## Asking

A prompt is recorded, together with the start of its answer, before any model is called. How the request is
answered is the client's choice:

| request | response |
| --- | --- |
| as it is | 202, `Location: /api/v1/answers/…`; the answer is written whoever watches |
| `Prefer: wait=N` (RFC 7240) | 200 and the finished answer, `Preference-Applied`; after N seconds \
(300 at most) 202 as above |
| `Accept: text/event-stream` | 200 and the answer's stream, in the same request; its first event \
`asked` is what a 202 shows |

An answer that failed is a finished answer: `status` says so, `reason` and `detail` say why, and the prompt
is kept. A client that leaves does not end it; `cancelAnswer` does.

## An answer's stream

| event | data | |
| --- | --- | --- |
| `asked` | as the body of a 202 | only where the prompt came in the same request; comes first |
| `status` | `answer_id`, `status`, `position` | how the answer stands; comes first, and when it changes |
| `delta` | `thinking` or `text` | new characters |
| `reset` | | what came was sorted wrongly (text was thinking); everything comes again |
| `done` | `status`, `reason`, `model`, `usage`, `timings`, `log_size` | complete, or cancelled |
| `failed` | the same, and `detail` | failed, or `interrupted` (its process ended); what came is kept |

Ids are offsets in code points, `thinking.text`; the last one ends in `.end`. A client that sends the last id
it received as `Last-Event-ID` to `streamAnswer` (browsers do so by themselves) gets the rest, every
character once; who has everything gets 204. A comment comes every 15 seconds. Any server of the book can be
asked, whichever writes the answer; one whose server died is closed as `interrupted` as soon as somebody
looks.

A model server writes `model_concurrency` answers at a time, for all processes of the book together. An
answer that waits has the status `queued` and a `position` (1 is next). `POST …/cancel` stops an answer,
waiting or not, from any server, keeping what it has; `POST …/retry` answers its prompt once more, beside it.

## Limits

| | | then |
| --- | --- | --- |
| answers that wait for the model server | `queue_limit` | 503 `line-full`, `Retry-After`; nothing recorded |
| requests a minute from one address | setting `rate_limit`, a third of it at once | 429, with `Retry-After` |
| body | three times a prompt's 2 MiB, as JSON may need, and 64 KiB | 413 |
| head of a request | 32 KiB, within 20 seconds | 400, or the connection is closed |
| silence in the middle of a body | 20 seconds | 408 |
| a client that does not read | 60 seconds | the connection is closed; it may come back and lacks nothing |
| connections | 800 | 503 |

## Commands and queries

- **Read your writes.** Commands answer with `Daybook-Log-Size`. A query that sends it back, as a header or
  as `at_least`, shows at least what was recorded then.
- **Change what you have read.** Conversations and projects, and the previews of their erasure, have an
  `ETag`: the version of their stream. A command that sends it as `If-Match` is carried out on that version
  or not at all: 412 (`changed-meanwhile`) where somebody came between, up to the very append. Commands
  answer with the new `ETag`. The tag of a project does not move with its conversations. `If-None-Match` on
  a query gets 304.
- **Ask twice, record once.** `Idempotency-Key` (on every command that appends): the same command under the
  same key again returns the first result and records nothing. Another command under it: 422. While the
  first is under way in this server: 409 with `Retry-After`. Keys belong to an actor and do not expire. This
  is the header of the IETF draft of that name (httpapi working group, -07, expired, never an RFC); its
  quotes may be left out.
- Lists have `limit` and `cursor`; `next_cursor` is null on the last page.
- Bodies are JSON; a prompt has at most 2 MiB of text. Times are RFC 3339 in UTC, durations end in `_ms`.
- `HEAD` works wherever `GET` does; `OPTIONS` and every 405 say in `Allow` what a path takes.
- Errors are problem details (RFC 9457): `type`, `title`, `status`, `detail`; where there is one a `hint`
  with the next thing to do; `errors` with the places in a request that does not have the right form; and a
  `correlation_id`. `type` leads to a page of the server: [every kind of error](errors.md), what it means
  for your data and what to do.
- Each request has a `Daybook-Request-Id`. A client may send a `Daybook-Correlation-Id` (a UUID) that joins
  several requests into one action of its user; the log keeps it with every event. [What the server
  logs](operations.md).

## Long operations

`verifyLog`, `rebuildProjections`, `pullModel`, `rotateKeys` and both erasures respond when they are done.
With `Accept: text/event-stream` they tell meanwhile how far they are: `progress` (`done_count`,
`total_count`; for a pull `status`, `total_bytes`, `completed_bytes`), then `done` with the result, or
`failed` with the problem.

| operation | when its client leaves |
| --- | --- |
| `verifyLog`, `exportLog` | given up: they change nothing |
| `pullModel` | given up; the model server keeps what it has, and the next pull goes on from there |
| `eraseConversation`, `eraseProject`, `rotateKeys`, `rebuildProjections` | go on to their end |

A server that is stopped lets each of them come to its next safe place. An erasure is done with its first
step; what follows it (`finished` says whether it did) is taken up by `rotateKeys`.

## Operations

| | operation | |
| --- | --- | --- |
"""

_SCOPES = {
    Scope.READ: "see conversations, projects and answers, search, follow an answer",
    Scope.ASK: "ask, cancel, open, rename and archive conversations and projects",
    Scope.AUDIT: "see who did what when, and prove it; not what was said",
    Scope.ADMIN: "erase, hold, let others in, look after keys and read models",
}

_ERRORS_HEAD = """\
# Errors

<!-- Made by docs/generate.py from interfaces/explanations.py and interfaces/errors.py; change it there. -->

Every error of Daybook is of one of these kinds, on the command line and over HTTP. The message of the error
itself says what happened this time; here stands what the kind means. Over HTTP the `type` of a problem is
`/problems/` and the kind, and the server shows the same text there. A kind keeps its name.

| kind | | HTTP status | exit code |
| --- | --- | --- | --- |
"""

_OPERATIONS_HEAD = """\
# Seeing the server from outside

<!-- Made by docs/generate.py: the tables from interfaces/http/logs.py and metrics.py, the text there. -->

## Probes

`GET /healthz`: the process answers. `GET /readyz`: 200 while database, migrations and read models are well,
else 503; the reasons (`checks`) are told to those who may read the book, others learn `ready` alone. Probes
come by address: neither asks for a token or a known `Host`.

## The log

`daybook serve` logs to standard error: text on a terminal, one JSON object a line elsewhere (setting
`log_format`). Every JSON line has `time`, `level` and `line`, its name; fields that do not apply are left
out. A line holds ids, names, counts and durations. It never holds what anybody wrote, a query string, or a
path as it was sent.

| line | |
| --- | --- |
"""

_METRICS_HEAD = """
`correlation_id` is the one that events keep: `daybook audit log --json` and the log lead to each other.

## The figures

`GET /metrics` has them in Prometheus' text format. It wants what everything else wants: on loopback
without a token, to be a program of the server's own user; else a token that may `read` or `audit`.

```yaml
scrape_configs:
  - job_name: daybook
    authorization: { credentials_file: /etc/prometheus/daybook-token }
    static_configs: [{ targets: ["book.example.org:8484"] }]
```

Besides these there are the process's own (`process_…`). Labels never hold what a client sent.

| figure | type | labels | |
| --- | --- | --- | --- |
"""

_NOT_OURS = {"help", "install_completion", "show_completion"}


def settings_page() -> str:
    """Return docs/settings.md."""
    return _SETTINGS_HEAD + "".join(map(_setting_row, DEFINITIONS))


def events_page() -> str:
    """Return docs/events.md."""
    sections = (
        ("A conversation", conversation_events.__name__),
        ("A project", project_events.__name__),
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
    return _CLI_HEAD + "".join(
        _command_section(path, command) for path, command in _commands(root, "daybook")
    )


def api_page() -> str:
    """Return docs/api.md."""
    rows = [
        f"| `{method.upper()} {path}` | `{operation['operationId']}` | {_cell(operation['description'])} |\n"
        for path, operations in openapi_document()["paths"].items()
        for method, operation in operations.items()
    ]
    return _API_HEAD + "".join(rows)


def access_page() -> str:
    """Return docs/access.md."""
    page = (
        (DOCS / "access.head").read_text(encoding="utf-8").replace("SCOPES", "".join(map(_scope_row, Scope)))
    )
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


def errors_page() -> str:
    """Return docs/errors.md."""
    found = kinds()
    rows = [
        f"| [{one.slug}](#{one.slug}) | {one.title} | {one.status} | "
        f"{'' if one.exit_code is None else one.exit_code} |\n"
        for one in found
    ]
    sections = [f"\n{page_of(one.slug, one.title)}" for one in found]
    return _ERRORS_HEAD + "".join(rows) + "".join(sections)


def operations_page() -> str:
    """Return docs/operations.md."""
    lines = [f"| `{name}` | {_cell(text)} |\n" for name, text in LINES.items()]
    figures = [
        f"| `{name}` | {kind} | {labels} | {_cell(text)} |\n" for name, kind, labels, text in metrics.names()
    ]
    return _OPERATIONS_HEAD + "".join(lines) + _METRICS_HEAD + "".join(figures)


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
    "access.md": access_page,
    "errors.md": errors_page,
    "operations.md": operations_page,
}


if __name__ == "__main__":
    for page_name, make in PAGES.items():
        (DOCS / page_name).write_text(make(), encoding="utf-8")
