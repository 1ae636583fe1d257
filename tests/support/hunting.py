"""Planting words in a book, erasing them, and looking for them in every byte that is left.

A hunt has a server of its own with a log that is as talkative as people make them, a home, and the `daybook`
command. Every word begins with the same letters, so that one look through the files finds any of them.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import random
import string
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import psycopg

from application.commands import (
    ChangeConversation,
    HoldConversation,
    HoldProject,
    ReleaseConversation,
    ReleaseProject,
)
from application.ports.live import Piece
from application.ports.log import IdempotencyKey, Origin
from bootstrap.container import Container
from bootstrap.host import ProcessHost
from bootstrap.settings import Settings
from domain.conversation.conversation import Conversation
from domain.ids import new_id
from domain.project.project import Project
from domain.tags import folded
from infrastructure.crypto import master_key
from infrastructure.postgres.key_store import PostgresKeyStore
from tests.support.cli_process import Daybook
from tests.support.postgres_server import PostgresServer, binaries, quick_place, with_database

PREFIX = "quetzalword"
CONTROL = "controlword"
BYSTANDER = "bystanderword"
SEARCH = "daybook_search_v2"
WITHOUT_SEARCH = "--exclude-table-data=daybook_search_v*.*"
TALKATIVE = {
    "log_min_duration_statement": "0",
    "log_statement": "all",
    "log_min_error_statement": "error",
    "log_error_verbosity": "verbose",
    "log_parameter_max_length": "-1",
    "log_temp_files": "0",
    "log_autovacuum_min_duration": "0",
}
_FEW_SEGMENTS = {"min_wal_size": "32MB", "max_wal_size": "96MB"}
_END: Mapping[str, Any] = {
    "reason": "stop",
    "model_digest": None,
    "prompt_tokens": 1,
    "completion_tokens": 1,
    "total_ms": 1.0,
    "load_ms": None,
    "prompt_eval_ms": None,
    "eval_ms": None,
    "first_token_ms": None,
}


@dataclass
class Planted:
    """What was planted: owners, the words by place, and the secrets that led to them."""

    conversation_id: UUID
    project_id: UUID
    words: dict[str, str]
    secrets: dict[str, bytes] = field(default_factory=dict)

    @property
    def searchable(self) -> list[str]:
        """The words that stand in the search in clear."""
        return [self.words["prompt"], self.words["answer"]]


@dataclass(frozen=True)
class Find:
    """A needle that was found."""

    where: str
    what: str
    form: str


class Hunt:
    """One book on one server. Use as a context manager."""

    def __init__(self, folder: Path, *, seed: int = 1) -> None:
        self._folder = folder
        self._chance = random.Random(seed)
        self._server = PostgresServer(
            options={**TALKATIVE, **_FEW_SEGMENTS, "fsync": "off"}, folder=quick_place()
        )
        self.home = folder / "home"

    def __enter__(self) -> Self:
        self._server.__enter__()
        self.execute("create database book encoding 'UTF8' template template0", database="postgres")
        self.daybook = Daybook(
            {
                "DAYBOOK_HOME": str(self.home),
                "DAYBOOK_DATABASE_URL": self.url(),
                "DAYBOOK_OLLAMA_URL": "http://127.0.0.1:9",
            }
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__(None, None, None)

    @property
    def cluster(self) -> Path:
        """All files of the server."""
        return self._server.data

    @property
    def wal(self) -> Path:
        """The write-ahead log."""
        return self.cluster / "pg_wal"

    @property
    def server_log(self) -> Path:
        """What the server tells its administrator."""
        return self._server.folder / "log"

    def url(self, database: str = "book") -> str:
        """Where a database of this server is reached."""
        return with_database(self._server.url, database)

    def execute(self, statement: str, *, database: str = "book", logged: bool = True) -> None:
        """Run a statement as the server's administrator would; one of the test's own need not be logged."""
        silence = "" if logged else "-c log_statement=none -c log_min_duration_statement=-1"
        with psycopg.connect(self.url(database), autocommit=True, options=silence) as connection:
            connection.execute(statement.encode())

    def checkpoint(self) -> None:
        """Let everything that is in the server's memory be in its files."""
        self.execute("checkpoint")

    @contextlib.contextmanager
    def book(self) -> Iterator[Container]:
        """Open the book as the command line does."""
        opened = ProcessHost(Settings(self.daybook.environment)).open_here(lambda _: None)
        try:
            yield opened
        finally:
            opened.close()

    def plant(self) -> Planted:
        """Write a word of its own into every kind of content, and leave one answer running."""
        words = {
            place: PREFIX + "".join(self._chance.choices(string.ascii_lowercase, k=10))
            for place in (
                "title",
                "new title",
                "made title",
                "tag",
                "prompt",
                "instructions",
                "option",
                "answer",
                "thinking",
                "live",
                "name",
                "description",
                "project instructions",
                "project option",
                "hold",
                "project hold",
                "command",
            )
        }
        with self.book() as book:
            book.keyring.unlock()
            planted = _planted(book, words)
            book.read_models.catch_up()
            assert book.search.search(words["prompt"]).hits
            planted.secrets = _secrets(book, planted)
        return planted

    def plant_bystander(self) -> UUID:
        """Write a conversation that stays."""
        made = Conversation.start(new_id(), project_id=None, title=f"{BYSTANDER} title")
        made.add_prompt(new_id(), f"{BYSTANDER} prompt", parent_id=None)
        with self.book() as book:
            book.log.save([made], _origin(book))
            book.read_models.catch_up()
        return made.id

    def erase(self, planted: Planted) -> None:
        """Erase what was planted as a person does."""
        self.daybook("erase", str(planted.conversation_id), "--yes")
        self.daybook("erase", "--project", str(planted.project_id), "--yes")

    def fail_with(self, word: str, *, quiet: bool) -> None:
        """Let statements with content fail: as Daybook would make them (quiet), or as anybody else would."""
        statement = (
            f"insert into {SEARCH}.messages (message_id, conversation_id, kind, log_index, at, words) "
            "values (%s, null, '', 0, now(), to_tsvector('simple', %s))"
        )
        with self.book() as book, contextlib.ExitStack() as stack:
            if quiet:
                connection = stack.enter_context(contextlib.closing(book.database.session()))
            else:
                connection = stack.enter_context(psycopg.connect(self.url(), autocommit=True))
            with contextlib.suppress(psycopg.errors.NotNullViolation):
                connection.execute(statement.encode(), [new_id(), word])
            with contextlib.suppress(psycopg.errors.NotNullViolation):
                cursor = stack.enter_context(connection.cursor())
                with cursor.copy(
                    f"copy {SEARCH}.messages (message_id, kind, words) from stdin".encode()
                ) as copy:
                    copy.write_row((str(new_id()), "prompt", word))

    def dump(self, name: str, *more: str) -> Path:
        """Make a plain dump of the book with PostgreSQL's own program."""
        path = self._folder / name
        program = binaries() / "pg_dump"
        subprocess.run([program, "--dbname", self.url(), "--file", path, *more], check=True)
        return path

    def restore(self, dump: Path, database: str) -> str:
        """Restore a dump into a new database; return its URL."""
        self.execute(f"create database {database} encoding 'UTF8' template template0", database="postgres")
        program = [binaries() / "psql", "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"]
        subprocess.run(
            [*program, "--dbname", self.url(database), "--file", dump],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return self.url(database)

    def export(self, name: str, *more: str) -> Path:
        """Export the log."""
        path = self._folder / name
        self.daybook("audit", "export", str(path), *more)
        return path

    def backup(self, name: str) -> Path:
        """Make a backup of Daybook's own; return a directory with the file, and what is in it, unpacked."""
        folder = self._folder / name
        folder.mkdir()
        file = folder / "book.daybook"
        self.daybook("backup", str(file))
        with tarfile.open(file) as tar:
            tar.extractall(folder, filter="data")
        for packed in folder.rglob("*.gz"):
            packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        return folder

    def master(self) -> bytes:
        """The master key in the home's file."""
        return master_key.from_text((self.home / "keys" / "master.key").read_text(), where="home")


def look(places: Iterable[Path], needles: Mapping[str, bytes]) -> list[Find]:
    """Look through every file under some places for needles: as they are, in hexadecimal, in base64."""
    patterns = [
        (what, form, pattern) for what, needle in needles.items() for form, pattern in _forms(needle).items()
    ]
    found = []
    for path in _files(places):
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # the server removed it meanwhile
            continue
        content = content.rstrip(b"\0")
        found += [Find(str(path), what, form) for what, form, pattern in patterns if pattern in content]
    return found


def words_needle(prefix: str = PREFIX) -> dict[str, bytes]:
    """Return the needle that finds every planted word."""
    return {prefix: prefix.encode()}


def control_file(path: Path, needles: Mapping[str, bytes]) -> int:
    """Write every needle in every form into a file; return how many finds that makes."""
    forms = [pattern for needle in needles.values() for pattern in _forms(needle).values()]
    path.write_bytes(b"\xff".join(forms))
    return len(forms)


def _files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        if place.is_file():
            yield place
        else:
            yield from (path for path in place.rglob("*") if path.is_file())


def _forms(needle: bytes) -> dict[str, bytes]:
    """Return what a needle may look like. Base64 depends on where it begins; its edges on the neighbours."""
    shifted = {
        f"base64 at {skip}": base64.b64encode(bytes(skip) + needle)[skip + bool(skip) : -4]
        for skip in range(3)
    }
    urlsafe = {
        f"{name}, urlsafe": form.replace(b"+", b"-").replace(b"/", b"_")
        for name, form in shifted.items()
        if b"+" in form or b"/" in form
    }
    return {
        "as it is": needle,
        "hexadecimal": needle.hex().encode(),
        **shifted,
        **urlsafe,
    }


def _origin(book: Container) -> Origin:
    return Origin(actor=book.actor, source="cli")


def _planted(book: Container, words: Mapping[str, str]) -> Planted:
    origin = _origin(book)
    project = Project.create(new_id(), name=words["name"])
    project.describe(words["description"])
    project.change_instructions(words["project instructions"])
    project.set_default_options({"stop": words["project option"]})
    book.log.save([project], origin, idempotency=IdempotencyKey(new_id().hex, words["command"].encode()))
    made = Conversation.start(new_id(), project_id=project.id, title=words["title"])
    prompt, ended, running = new_id(), new_id(), new_id()
    made.add_prompt(prompt, f"Of {words['prompt']}?", parent_id=None, instructions=words["instructions"])
    for answer in (ended, running):
        made.start_answer(
            answer,
            prompt_id=prompt,
            owner_id=book.live.own(),
            model="m",
            context_length=8192,
            sent_message_ids=(prompt,),
            cut_count=0,
            instructions_project_id=None,
            instructions_version=None,
            think=None,
            request_hash=b"",
            options={"stop": words["option"]},
        )
    book.log.save([made], origin)
    book.live.save([Piece(running, made.id, 0, 0, 0, f"{words['live']} thought", f"{words['live']} said")])
    made.complete_answer(ended, text=f"It is {words['answer']}.", thinking=words["thinking"], **_END)
    made.take_title(words["made title"], model="m")
    made.rename(words["new title"])
    book.log.save([made], origin)
    who = {"actor": book.actor, "source": "cli"}
    for command in (
        ChangeConversation(conversation_id=made.id, add_tags=(words["tag"],), pinned=True, **who),
        HoldConversation(conversation_id=made.id, reason=words["hold"], **who),
        ReleaseConversation(conversation_id=made.id, reason=words["hold"], **who),
        HoldProject(project_id=project.id, reason=words["project hold"], **who),
        ReleaseProject(project_id=project.id, reason=words["project hold"], **who),
    ):
        book.commands.handle(command)
    return Planted(made.id, project.id, dict(words))


def _secrets(book: Container, planted: Planted) -> dict[str, bytes]:
    """Return all that leads to the words: keys as they are and as they are stored."""
    store = PostgresKeyStore(book.database)
    found: dict[str, bytes] = {}
    for name, owner in (("conversation", planted.conversation_id), ("project", planted.project_id)):
        stored = store.data_key(owner)
        key = book.keyring._data_key(owner)
        assert stored is not None
        assert key is not None
        found[f"wrapped key of the {name}"] = stored[1]
        found[f"key of the {name}"] = key.raw
    found["hash of the tag"] = book.keyring.name_hash(folded(planted.words["tag"]))
    opened = book.keyring._opener.opened()
    [(epoch, box)] = store.epochs().items()
    found["wrapped epoch key"] = box
    found["epoch key"] = opened.epochs[epoch]
    found["master key"] = opened.master
    found["key of commands"] = opened.command_key
    return found
