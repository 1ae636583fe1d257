"""Every setting, where it came from, and the only place that reads the environment.

Order: flag > environment > `config.toml` > default. Each variable has a twin with `_FILE`, which names a
file holding the value; secrets are best given so. Nothing here connects, or writes before it is told to.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from application.errors import in_words
from bootstrap.setting_rules import fault, number_fault
from domain.errors import InvalidInputError


@dataclass(frozen=True)
class Definition:
    """One setting. `variables` are tried in order.

    `secret` values are never shown; `numeric` ones must be above 0.
    """

    key: str
    variables: tuple[str, ...]
    default: str
    help: str
    secret: bool = False
    numeric: bool = False


DEFINITIONS = (
    Definition("home", ("DAYBOOK_HOME",), "", "Where the embedded database, keys and state are kept."),
    Definition(
        "database_url",
        ("DAYBOOK_DATABASE_URL", "DATABASE_URL"),
        "",
        "PostgreSQL 15 or newer; empty: Daybook's own embedded one.",
        secret=True,
    ),
    Definition(
        "owner_database_url",
        ("DAYBOOK_OWNER_DATABASE_URL",),
        "",
        "The same database as its owner, for `daybook db migrate` and `db scrub` alone; empty: "
        "`database_url` is the owner.",
        secret=True,
    ),
    Definition(
        "ollama_url", ("DAYBOOK_OLLAMA_URL", "OLLAMA_HOST"), "http://127.0.0.1:11434", "The model server."
    ),
    Definition("model", ("DAYBOOK_MODEL",), "deepseek-r1:8b", "The model that answers when none is named."),
    Definition(
        "pager",
        ("DAYBOOK_PAGER", "PAGER"),
        "less -FRX",
        "What shows output that is longer than the screen; `off`: nothing does.",
    ),
    Definition(
        "context_length",
        ("DAYBOOK_CONTEXT_LENGTH",),
        "8192",
        "Tokens for request and answer together (num_ctx); at most the model's own.",
        numeric=True,
    ),
    Definition(
        "titles",
        ("DAYBOOK_TITLES",),
        "on",
        "`on`: a model gives conversations that nobody named a title, when it has nothing else to do; `off`.",
    ),
    Definition(
        "pull",
        ("DAYBOOK_PULL",),
        "off",
        "`on`: the default model is got, some GB, where the model server lacks it; `off`: people are asked.",
    ),
    Definition(
        "model_concurrency",
        ("DAYBOOK_MODEL_CONCURRENCY",),
        "1",
        "Answers written at once by one model server, for all processes of the book together.",
        numeric=True,
    ),
    Definition(
        "queue_limit",
        ("DAYBOOK_QUEUE_LIMIT",),
        "64",
        "Answers that may wait for one model server; further prompts are refused.",
        numeric=True,
    ),
    Definition(
        "rate_limit",
        ("DAYBOOK_RATE_LIMIT",),
        "3000",
        "Requests a minute that the server takes from one address.",
        numeric=True,
    ),
    Definition("listen", ("DAYBOOK_LISTEN",), "127.0.0.1:8484", "Address and port of `daybook serve`."),
    Definition(
        "token",
        ("DAYBOOK_TOKEN",),
        "",
        "The first token of an installation, which may everything; needed to listen beyond loopback.",
        secret=True,
    ),
    Definition(
        "allowed_hosts",
        ("DAYBOOK_ALLOWED_HOSTS",),
        "",
        "Host names the server answers to, separated by commas.",
    ),
    Definition(
        "public_url", ("DAYBOOK_PUBLIC_URL",), "", "The address people reach the server by, behind a proxy."
    ),
    Definition(
        "notice",
        ("DAYBOOK_NOTICE",),
        "",
        "A line that the page shows to everybody, such as a downtime to come.",
    ),
    Definition(
        "releases",
        ("DAYBOOK_RELEASES",),
        "",
        "Where `daybook db migrate` keeps copies of releases, to stand in for a later one whose migrations "
        "fail; empty: nowhere. Compose sets it.",
    ),
    Definition(
        "log_format",
        ("DAYBOOK_LOG_FORMAT",),
        "auto",
        "How `daybook serve` logs: `text`, `json`, or `auto` (text on a terminal).",
    ),
    Definition(
        "trusted_proxies",
        ("DAYBOOK_TRUSTED_PROXIES",),
        "",
        "Proxies whose X-Forwarded-For and -Proto are believed: addresses or networks, with commas.",
    ),
    Definition(
        "master_key",
        ("DAYBOOK_MASTER_KEY",),
        "",
        "The master key; empty: a file of mode 0600 under the home.",
        secret=True,
    ),
    Definition(
        "signing_key",
        ("DAYBOOK_SIGNING_KEY",),
        "",
        "The key that signs checkpoints; empty: a file of mode 0600 under the home.",
        secret=True,
    ),
    Definition(
        "checkpoint_minutes",
        ("DAYBOOK_CHECKPOINT_MINUTES",),
        "10",
        "`daybook serve` signs a checkpoint so often, if the log has grown.",
        numeric=True,
    ),
    Definition(
        "record_access",
        ("DAYBOOK_RECORD_ACCESS",),
        "off",
        "What the log says of reading: `exports` (who took what out), `all` (and who was shown what), `off`.",
    ),
    Definition(
        "connect_timeout",
        ("DAYBOOK_CONNECT_TIMEOUT",),
        "5",
        "Seconds to wait for a connection.",
        numeric=True,
    ),
    Definition(
        "startup_wait",
        ("DAYBOOK_STARTUP_WAIT",),
        "1",
        "Seconds that `daybook serve` and `daybook db migrate` wait for a database that is not there yet.",
        numeric=True,
    ),
    Definition(
        "stall_timeout",
        ("DAYBOOK_STALL_TIMEOUT",),
        "120",
        "Seconds without a word after which an answer has failed.",
        numeric=True,
    ),
    Definition(
        "load_timeout",
        ("DAYBOOK_LOAD_TIMEOUT",),
        "600",
        "Seconds a model may take to its first word (loading).",
        numeric=True,
    ),
    Definition(
        "server",
        ("DAYBOOK_SERVER",),
        "",
        "A Daybook server that commands go to, a URL or a saved name; empty or `local`: this machine's book.",
    ),
    Definition(
        "server_token",
        ("DAYBOOK_SERVER_TOKEN",),
        "",
        "What is shown to a server that `server` names by URL; saved servers have their own.",
        secret=True,
    ),
    Definition(
        "db_user", ("DAYBOOK_DB_USER",), "", "The user the embedded database runs as when started by root."
    ),
    Definition(
        "db_binaries",
        ("DAYBOOK_DB_BINARIES",),
        "",
        "Directory of PostgreSQL's programs for the embedded database.",
    ),
    Definition(
        "db_idle_seconds",
        ("DAYBOOK_DB_IDLE_SECONDS",),
        "600",
        "The embedded database stops after so long unused.",
        numeric=True,
    ),
)

_BY_KEY = {definition.key: definition for definition in DEFINITIONS}


@dataclass(frozen=True)
class Value:
    """A setting's value and where it came from, in words."""

    definition: Definition
    value: str
    origin: str


class Settings:
    """The settings of one process. Nothing is read before it is asked for.

    Args:
        environment: usually the process's own.
        flags: values given on the command line, by key.
        tolerant: pass over settings in the file that do not exist; for what shows or mends them.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        flags: Mapping[str, str] | None = None,
        *,
        tolerant: bool = False,
    ) -> None:
        self._environment = environment
        self._tolerant = tolerant
        self._flags = dict(flags or {})

    @classmethod
    def from_process(cls) -> Settings:
        """Read this process's environment."""
        return cls(dict(os.environ))  # noqa: TID251 (the one place)

    @property
    def flags(self) -> Mapping[str, str]:
        """What was given on the command line, by key."""
        return self._flags

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment these settings were read from, for programs that are started with it."""
        return self._environment

    def tolerant(self) -> Settings:
        """Return the same settings, passing over those in the file that do not exist."""
        return Settings(self._environment, self._flags, tolerant=True)

    def find(self, key: str) -> Value:
        """Return one setting as it was written, right or wrong.

        Raises:
            InvalidInputError: a `_FILE` twin or the configuration file cannot be read.
        """
        definition = _BY_KEY[key]
        if self._flags.get(key):
            return Value(definition, self._flags[key], "flag")
        for variable in definition.variables:
            if self._environment.get(variable):
                return Value(definition, self._environment[variable], f"environment {variable}")
            path = self._environment.get(f"{variable}_FILE")
            if path:
                return Value(definition, _read_secret(variable, path), f"file {path} ({variable}_FILE)")
        if not self._tolerant:
            self.must_know_all()
        if key in self._file:
            return Value(definition, str(self._file[key]), str(self.config_file))
        return Value(definition, self._default(definition), "default")

    def get(self, key: str) -> str:
        """Return one setting's value.

        Raises:
            InvalidInputError: it cannot be read, or is not what this setting must be.
        """
        found = self.find(key)
        self._must_fit(found)
        return found.value

    def number(self, key: str) -> float:
        """Return a setting that must be a number above 0."""
        return float(self.get(key))

    def all(self) -> list[Value]:
        """Return every setting, in the order of the documentation."""
        return [self.find(definition.key) for definition in DEFINITIONS]

    def unknown(self) -> list[str]:
        """Return the names in the configuration file that are no settings."""
        return sorted(set(self._file) - set(_BY_KEY))

    def must_know_all(self) -> None:
        """Refuse a configuration file with a setting that does not exist: it may be one misspelt."""
        for name in self.unknown():
            raise InvalidInputError(
                f"The configuration file {self.config_file} has a setting that does not exist: {name!r}. "
                "Your data is not affected.",
                hint=f"daybook config unset {shlex.quote(name)}",
            )

    @property
    def home(self) -> Path:
        """Where data is kept."""
        return Path(self.get("home")).expanduser().absolute()

    @cached_property
    def config_file(self) -> Path:
        """The configuration file; it need not exist. An explicit home holds its own."""
        if self._environment.get("DAYBOOK_CONFIG"):
            return Path(self._environment["DAYBOOK_CONFIG"])
        home = self._flags.get("home") or self._environment.get("DAYBOOK_HOME")
        if home:
            return Path(os.path.expanduser(home)) / "config.toml"  # noqa: PTH111 - leaves ~nobody as it is
        from platformdirs import user_config_path

        return user_config_path("daybook", appauthor=False) / "config.toml"

    def remember(self, key: str, value: str) -> None:
        """Write one setting into the configuration file, keeping the others."""
        if key not in _BY_KEY:
            raise InvalidInputError(f"There is no setting {key!r}.", hint="daybook config list")
        if _BY_KEY[key].secret:
            raise InvalidInputError(
                f"{key} is a secret and is not written to the configuration file. Nothing was changed.",
                hint=f"export {_BY_KEY[key].variables[0]}_FILE=/path/to/a/file",
            )
        wrong = _fault(_BY_KEY[key], value)
        if wrong:
            default = _BY_KEY[key].default
            raise InvalidInputError(
                f"{key} {wrong} not {value!r}; nothing was changed.",
                hint=f"daybook config set {key} {default or '…'}",
            )
        there = self._file if self.config_file.exists() else {}  # a file that is named is made here
        self._write({**there, key: value})

    def forget(self, key: str) -> bool:
        """Take one setting out of the configuration file; False where it was not in it."""
        if key not in self._file:
            return False
        self._write({name: value for name, value in self._file.items() if name != key})
        return True

    def _write(self, values: dict[str, Any]) -> None:
        import tomli_w

        try:
            self.config_file.parent.mkdir(parents=True, exist_ok=True)
            draft = self.config_file.with_suffix(".new")
            draft.write_bytes(tomli_w.dumps(values).encode())
            draft.replace(self.config_file)
        except OSError as problem:
            raise InvalidInputError(
                f"The configuration file {self.config_file} cannot be written: {in_words(problem)}. "
                "The setting was not changed."
            ) from None
        self._file = values

    @cached_property
    def _file(self) -> dict[str, Any]:
        import tomllib

        try:
            text = self.config_file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            if self._environment.get("DAYBOOK_CONFIG"):
                raise InvalidInputError(
                    f"DAYBOOK_CONFIG names {self.config_file}, which does not exist. Nothing was started.",
                    hint="unset DAYBOOK_CONFIG   (or `daybook config set …`, which makes the file)",
                ) from None
            return {}
        except OSError as problem:
            raise InvalidInputError(
                f"The configuration file {self.config_file} cannot be read: {in_words(problem)}."
            ) from None
        try:
            values = tomllib.loads(text.decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
            raise InvalidInputError(
                f"The configuration file {self.config_file} is not valid TOML: {problem}. "
                "Your data is not affected. Edit the file, or move it away.",
                hint=f"mv {shlex.quote(str(self.config_file))} {shlex.quote(str(self.config_file) + '.old')}",
            ) from None
        return values

    def _must_fit(self, found: Value) -> None:
        key = found.definition.key
        if found.origin == "default" or (key == "home" and found.origin == "flag"):
            return  # what is typed for one call is meant from here
        wrong = _fault(found.definition, found.value)
        if not wrong:
            return
        way_out = "daybook config list" if found.origin == "flag" else f"daybook config unset {key}"
        name = f"--{key.replace('_', '-')}" if found.origin == "flag" else key
        for variable in found.definition.variables:
            for twin in (variable, f"{variable}_FILE"):
                if found.origin == f"environment {twin}" or found.origin.endswith(f"({twin})"):
                    name, way_out = variable, f"unset {twin}"
        raise InvalidInputError(f"{name} {wrong} not {found.value!r} (from {found.origin}).", hint=way_out)

    def _default(self, definition: Definition) -> str:
        if definition.key != "home":
            return definition.default
        if os.geteuid() == 0 and sys.platform != "darwin":
            return "/var/lib/daybook"
        from platformdirs import user_data_path

        return str(user_data_path("daybook", appauthor=False))


def _fault(definition: Definition, value: str) -> str:
    wrong = fault(definition.key, value)
    if not wrong and definition.numeric:
        wrong = number_fault(value)
    return wrong and wrong.rstrip(",") + ","


def _read_secret(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidInputError(
            f"{variable}_FILE names {path}, which cannot be read: {in_words(problem)}. Nothing was started.",
            hint=f"unset {variable}_FILE",
        ) from None
