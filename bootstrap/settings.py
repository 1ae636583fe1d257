"""Every setting, where it came from, and the only place that reads the environment.

Order: flag > environment > `config.toml` > default. Each variable has a twin with `_FILE`, which names a
file holding the value; secrets are best given so. Nothing here connects, or writes before it is told to.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

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
        "ollama_url", ("DAYBOOK_OLLAMA_URL", "OLLAMA_HOST"), "http://127.0.0.1:11434", "The model server."
    ),
    Definition("model", ("DAYBOOK_MODEL",), "deepseek-r1:8b", "The model that answers when none is named."),
    Definition(
        "context_length",
        ("DAYBOOK_CONTEXT_LENGTH",),
        "8192",
        "Tokens for request and answer together (num_ctx); at most the model's own.",
        numeric=True,
    ),
    Definition("listen", ("DAYBOOK_LISTEN",), "127.0.0.1:8484", "Address and port of `daybook serve`."),
    Definition(
        "token", ("DAYBOOK_TOKEN",), "", "Bearer token; needed to listen beyond loopback.", secret=True
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
        "connect_timeout",
        ("DAYBOOK_CONNECT_TIMEOUT",),
        "5",
        "Seconds to wait for a connection.",
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
    """

    def __init__(self, environment: Mapping[str, str], flags: Mapping[str, str] | None = None) -> None:
        self._environment = environment
        self._flags = dict(flags or {})

    @classmethod
    def from_process(cls) -> Settings:
        """Read this process's environment."""
        return cls(dict(os.environ))  # noqa: TID251 (the one place)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment these settings were read from, for programs that are started with it."""
        return self._environment

    def find(self, key: str) -> Value:
        """Return one setting.

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
        if key in self._file:
            return Value(definition, str(self._file[key]), str(self.config_file))
        return Value(definition, self._default(definition), "default")

    def get(self, key: str) -> str:
        """Return one setting's value."""
        return self.find(key).value

    def number(self, key: str) -> float:
        """Return a setting that must be a number above 0."""
        found = self.find(key)
        return _number(found.definition, found.value, found.origin)

    def all(self) -> list[Value]:
        """Return every setting, in the order of the documentation."""
        return [self.find(definition.key) for definition in DEFINITIONS]

    @property
    def home(self) -> Path:
        """Where data is kept."""
        return Path(self.get("home")).expanduser().absolute()

    @cached_property
    def config_file(self) -> Path:
        """The configuration file; it need not exist. An explicit home holds its own."""
        if self._environment.get("DAYBOOK_CONFIG"):
            return Path(self._environment["DAYBOOK_CONFIG"])
        if self._flags.get("home") or self._environment.get("DAYBOOK_HOME"):
            return Path(self._flags.get("home") or self._environment["DAYBOOK_HOME"]) / "config.toml"
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
        if _BY_KEY[key].numeric:
            _number(_BY_KEY[key], value, "what was typed; nothing was changed")
        self._write({**self._file, key: value})

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
                f"The configuration file {self.config_file} cannot be written: {problem}. "
                "The setting was not changed."
            ) from None
        self._file = values

    @cached_property
    def _file(self) -> dict[str, Any]:
        import tomllib

        try:
            text = self.config_file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as problem:
            raise InvalidInputError(f"The configuration file cannot be read: {problem}.") from None
        try:
            values = tomllib.loads(text.decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
            raise InvalidInputError(
                f"The configuration file {self.config_file} is not valid TOML: {problem}. "
                "Your data is not affected."
            ) from None
        unknown = sorted(set(values) - set(_BY_KEY))
        if unknown:
            raise InvalidInputError(
                f"The configuration file {self.config_file} has a setting that does not exist: "
                f"{unknown[0]!r}.",
                hint="daybook config list",
            )
        return values

    def _default(self, definition: Definition) -> str:
        if definition.key != "home":
            return definition.default
        if os.geteuid() == 0 and sys.platform != "darwin":
            return "/var/lib/daybook"
        from platformdirs import user_data_path

        return str(user_data_path("daybook", appauthor=False))


def _number(definition: Definition, value: str, origin: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise InvalidInputError(
            f"{definition.variables[0]} must be a number above 0, not {value!r} (from {origin})."
        )
    return number


def _read_secret(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidInputError(
            f"{variable}_FILE names {path}, which cannot be read: {problem}. Nothing was started."
        ) from None
