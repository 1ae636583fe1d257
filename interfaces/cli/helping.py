"""How a command's help looks: what its values are called, and examples of it.

Every command gets this when it is loaded, so that nothing of it has to be said at each option. A test runs
each example past the parser.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

_NUMBERS = {"int": "N", "int range": "N", "float": "NUMBER", "float range": "NUMBER"}
_FILES = {"path", "file", "filename", "directory"}

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "ask": (
        'daybook ask "What is a Merkle tree good for?"',
        'git diff | daybook ask "Write a commit message"',
        'daybook ask -c "Shorter, please"',
        'daybook ask -x "A regex for ISO dates, in Python"',
        'daybook ask --from 1a2b3c4d "And if not?"',
    ),
    "chat": (
        "daybook chat",
        "daybook chat --continue",
        "daybook chat --from 1a2b3c4d -m deepseek-r1:8b",
    ),
    "retry": ("daybook retry", "daybook retry -m deepseek-r1:14b 1a2b3c4d"),
    "edit": ("daybook edit", 'daybook edit 1a2b3c4d "Say it in one sentence"'),
    "list": ("daybook list", "daybook list --project work --tag draft", "daybook list --sort title -n 50"),
    "tag": ("daybook tag @last +work -draft", "daybook tag"),
    "move": ("daybook move @last work", "daybook move @last --none"),
    "pin": ("daybook pin @last",),
    "show": (
        "daybook show @last",
        "daybook show 1a2b3c4d --thinking",
        "daybook show @last --as-of '2 hours ago'",
        "daybook show @last > answer.md",
    ),
    "explain": (
        "daybook explain @last",
        "daybook explain 1a2b3c4d --json",
        "daybook explain @last --as-request > request.json",
    ),
    "tree": ("daybook tree", "daybook tree 1a2b3c4d --all"),
    "replay start": (
        "daybook replay start @last -m deepseek-r1:1.5b",
        "daybook replay start --last 200 -m deepseek-r1:1.5b",
        "daybook replay start --project work --instructions shorter.txt --repeat 3 --seed 1",
    ),
    "replay resume": ("daybook replay resume", "daybook replay resume 1a2b3c4d"),
    "replay diff": (
        "daybook replay diff @last --only different",
        "daybook replay diff @last --html report.html --fail-under 0.9",
    ),
    "history": ("daybook history", "daybook history 1a2b3c4d --json"),
    "search": (
        "daybook search merkle tree",
        "daybook search '\"merkle tree\" -git'",
        "daybook search -- -git",
    ),
    "stats": ("daybook stats", "daybook stats --by day --since 'last monday'"),
    "audit report": (
        "daybook audit report",
        "daybook audit report --from 'last month' --to 'last month' --html report.html",
        "daybook audit report --from 2026-01-01 --json",
    ),
    "audit log": (
        "daybook audit log",
        "daybook audit log --since yesterday",
        "daybook audit log --type 'conversation.*' --source api -f",
        "daybook audit log --since '2 weeks ago' --until 'last week' --json",
    ),
    "audit verify": ("daybook audit verify", "daybook audit verify --since checkpoint.txt"),
    "switch": ("daybook switch 1a2b3c4d", "daybook switch @last --previous"),
    "fork": ("daybook fork @last", "daybook fork 1a2b3c4d --title 'Another way'"),
    "rate": ("daybook rate up", "daybook rate 1a2b3c4d down --note 'made up'"),
    "note": ("daybook note @last 'check this'", "daybook note @last"),
    "routine save": (
        "daybook routine save commit-message 'Write a commit message for:'",
        "daybook routine save translate 'Say this in {{lang=English}}: {{input}}'",
    ),
    "routine run": (
        "git diff | daybook routine run commit-message",
        "daybook routine run translate -v lang=French 'Good morning'",
    ),
    "export": (
        "daybook export @last",
        "daybook export --project work -o work.html",
        "daybook export --all -o everything.json",
    ),
    "import": (
        "daybook import everything.json",
        "daybook import --dry-run ~/.config/io.datasette.llm/logs.db",
    ),
    "rename": ("daybook rename @last Merkle trees",),
    "archive": ("daybook archive @last",),
    "backup": (
        "daybook backup ~/backups/book.daybook",
        "daybook backup --keys passphrase book.daybook",
        "daybook backup --verify book.daybook",
        "daybook backup - > book.daybook",
    ),
    "restore": (
        "daybook restore @last",
        "daybook restore --dry-run book.daybook",
        "daybook restore book.daybook",
        "daybook restore --checkpoint kept.txt --tombstones erased.txt book.daybook",
    ),
    "erase": ("daybook erase 1a2b3c4d", "daybook erase --project work --with-derived"),
    "hold add": ("daybook hold add 1a2b3c4d --reason 'court case 12/34'",),
    "project create": ("daybook project create work -s 'Answer in two sentences.'",),
    "models pull": ("daybook models pull deepseek-r1:8b",),
    "projections rebuild": (
        "daybook projections rebuild search",
        "daybook projections rebuild --all --dry-run",
    ),
    "projections verify": ("daybook projections verify", "daybook projections verify search --json"),
    "config set": ("daybook config set model deepseek-r1:14b", "daybook config set pager off"),
    "completion": ("daybook completion --install", "daybook completion zsh > ~/.zfunc/_daybook"),
    "token create": ("daybook token create laptop --scope ask --expires 90d",),
    "server add": ("daybook server add home https://book.example.org",),
}


def polish(command: Any, name: str) -> None:
    """Give a command, and all below it, what its help lacks."""
    for one in command.params:
        if one.param_type_name == "argument":
            _name_argument(one)
        elif not one.is_flag and one.metavar is None:
            one.metavar = _name_of(one)
    if name in EXAMPLES:
        # \b keeps the lines as they are.
        command.epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in EXAMPLES[name])
    for inner, below in getattr(command, "commands", {}).items():
        polish(below, f"{name} {inner}")


def _name_argument(one: Any) -> None:
    optional = (one.metavar or "").startswith("[")
    called = (one.metavar or _name_of(one) or one.name.upper()).removesuffix("]").removeprefix("[")
    if "[" in called or "]" in called:  # it says itself what may be left out
        called, optional = one.metavar, True
        one.get_usage_pieces = partial(_as_it_is, called)
        return
    one.metavar = called
    more = " …" if one.nargs == -1 else ""
    usage = f"{called}{more}" if one.required and not optional else f"[{called}{more}]"
    # Typer sets what must be given in braces, as nobody else does.
    one.get_usage_pieces = partial(_as_it_is, usage)


def _as_it_is(usage: str, _ctx: Any) -> list[str]:
    return [usage]


def _name_of(one: Any) -> str | None:
    kind = getattr(one.type, "name", "")
    if getattr(one.type, "choices", None):
        return None  # they are shown
    if kind in _FILES:
        return "FILE"
    return _NUMBERS.get(kind) or str(one.name).upper()
