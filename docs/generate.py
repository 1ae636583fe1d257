"""Write the pages of docs/ that are made from the code: settings, events, the command line, HTTP, access.

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
from interfaces.http.app import openapi_document

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

`daybook serve` listens on `127.0.0.1:8484` (setting `listen`). `GET /openapi.json` describes every operation
for generators and tools.

```sh
at=http://127.0.0.1:8484/api/v1
curl -s -X POST $at/conversations                        # 201 and the conversation's id
curl -si $at/conversations/ID/prompts -H 'Content-Type: application/json' \\
     -d '{"text": "Why is the sky blue?"}'               # 202 and Location: /api/v1/answers/…
curl -N $at/answers/ANSWER/stream
```

## Who is let in

Programs send `Authorization: Bearer TOKEN`, with a token of `daybook token create NAME`; a browser opens
the link that `daybook link` prints, once. Each may do what its scopes allow; else the answer is 403 and
says what is needed. 401 says that nobody is let in with this, and why; 429 that too many wrong tokens came
from one address, and for how long. On loopback, without `DAYBOOK_TOKEN`, programs of the user Daybook runs
as need none. [All of it](access.md): scopes, links, proxies, names.

## An answer's stream

A prompt is accepted with 202; its answer belongs to the server and goes on whoever watches. Its stream has
these events:

| event | data | |
| --- | --- | --- |
| `status` | `answer_id`, `status`, `position` | how the answer stands; comes first, and when it changes |
| `delta` | `thinking` or `text` | new characters |
| `reset` | | what came was sorted wrongly (text was thinking); everything comes again |
| `done` | `status`, `reason`, `model`, `usage`, `timings`, `log_size` | complete, or cancelled |
| `failed` | the same, and `detail` | failed, or `interrupted` (its process ended); what came is kept |

Ids are offsets in code points, `thinking.text`; the last one ends in `.end`. A client that sends the last id
it received as `Last-Event-ID` (browsers do so by themselves) gets the rest, every character once; who has
everything gets 204. A comment comes every 15 seconds. Any server of the book can be asked, whichever writes
the answer; one whose server died is closed as `interrupted` as soon as somebody looks.

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

- `Idempotency-Key` (on every `POST` and `PATCH`): the same command under the same key again returns the first
  result and records nothing; another command under it is refused with 422.
- Commands answer with `Daybook-Log-Size`. A query that sends it back, as a header or as `at_least`, shows at
  least what was recorded then.
- Lists have `limit` and `cursor`; `next_cursor` is null on the last page.
- Bodies are JSON; a prompt has at most 2 MiB of text.
- Errors are problem details (RFC 9457): `type`, `title`, `status`, `detail`; where there is one a `hint` with
  the next thing to do; `errors` with the places in a request that does not have the right form; and a
  `correlation_id` that the server's messages and the log know.

## Operations

| | operation | |
| --- | --- | --- |
"""

_ACCESS_HEAD = """\
# Who is let in

<!-- Made by docs/generate.py: the tables from application/scopes.py, the text in docs/generate.py. -->

The command line on the machine itself needs no token: it has the database and the keys. Whoever comes over
HTTP comes with a token, with a session, or as this machine's own user. [Why it is
so](../adr/0015-tokens-links-and-scopes.md).

## Tokens

```sh
daybook token create laptop-script --scope ask --expires 90d
daybook token list
daybook token revoke laptop-script
```

A token is shown once, when it is made; the book keeps a keyed hash. It begins with `daybook_` and ends in a
checksum, so a slip of the hand is told apart from a token of somebody else. What a program does is recorded
under its token's own id, and `daybook audit log` shows its name. Making and revoking are events of the log.
`LAST USE` is exact to five minutes.

A revoked or expired token is refused within a second, by every process on the same book, and an answer that
is being streamed to it ends within two.

`DAYBOOK_TOKEN` (or `DAYBOOK_TOKEN_FILE`) is the first token of an installation: it may everything, acts as
the user of the server's home, and ends when the setting does. Under Compose it is made at the first start:
`docker compose exec app cat /run/daybook/keys/token`.

## Scopes

| scope | may | holds |
| --- | --- | --- |
SCOPES
Asking holds reading, as what a model answers tells what it was sent. A request beyond its scopes is answered
with 403 (on the command line: exit code 4) and the scope it needs. At the end of this page stands what each
command and query needs.

## A browser

`daybook link` prints a link. Opened within ten minutes (`--minutes`), once, it signs that browser in: a
cookie that no script can read, and that on https is sent nowhere else (`__Host-daybook`). The session acts
as whoever made the link, so that their lists are one person's; it ends after 30 days (`--expires`), with
`POST /sign-out`, or with `daybook token revoke ID`; `daybook token list` shows links and sessions among the
tokens. `--scope read` makes one that only looks.

The link leads to `DAYBOOK_PUBLIC_URL`, else to the address of `daybook serve`. Under Compose that is the
published port: `docker compose exec app daybook link`.

On plain http, cookies are shared by all servers of one machine, whatever their ports: sign in on http only
where you trust them all.

## Without a token

Where no `DAYBOOK_TOKEN` is set, Daybook listens on loopback only, and lets in the programs of the user it
runs as (and of root) without one. On Linux the kernel says whose program a connection is; other users of
the machine are refused. Other systems do not say it: set a token there if you are not alone. What came
through a proxy is never let in without a token.

## Other sites' pages

A page of another site, open in the same browser, is refused with 403 whatever it carries: by `Host`
(loopback names, the address listened on, `DAYBOOK_ALLOWED_HOSTS` and `DAYBOOK_PUBLIC_URL` are ours), by
`Origin`, and by what browsers say in `Sec-Fetch-Site`. Following a link to Daybook from elsewhere works. A
change that comes with a cookie must say by `Origin` or `Sec-Fetch-Site` that a page of ours asks for it.

## Behind a proxy

Set `DAYBOOK_PUBLIC_URL` to the address people open, and `DAYBOOK_TRUSTED_PROXIES` to the proxy's address or
network. From there, and from nowhere else, `X-Forwarded-For` says who the client is and `X-Forwarded-Proto`
whether it spoke https. `Host` is taken as it comes; `X-Forwarded-Host` never counts.

## Wrong tokens

An address (of IPv6: a /64) may come with a wrong token ten times, and then once in six seconds; beyond that
it gets 429 with `Retry-After`. Other addresses do not notice. A token that was right a while ago goes on at
the same address, too; a `DAYBOOK_TOKEN` shorter than 32 characters does not, as it might be found by
trying.

## What a restored backup lets in

Tokens and sessions are part of the log, so a book that is restored lets in whom its log lets in: also what
was revoked after the backup. Revoke it again (`daybook token list`).

## What needs which scope

"""

_SCOPES = {
    Scope.READ: "see conversations, projects and answers, search, follow an answer",
    Scope.ASK: "ask, cancel, open, rename and archive conversations and projects",
    Scope.AUDIT: "see who did what when, and prove it; not what was said",
    Scope.ADMIN: "erase, hold, let others in, look after keys and read models",
}

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
    page = _ACCESS_HEAD.replace("SCOPES", "".join(map(_scope_row, Scope)))
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
    "access.md": access_page,
}


if __name__ == "__main__":
    for page_name, make in PAGES.items():
        (DOCS / page_name).write_text(make(), encoding="utf-8")
