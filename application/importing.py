"""The handlers that take conversations and projects in from files.

Invariants: a conversation is taken in whole or not at all; it has ids that follow from those of its first
recording, so taking the same in again adds nothing, and taking in a grown one adds the messages, notes and
ratings that are new; what is here already, and what people did to it here since (its title, tags and place,
its current branch, a note removed, an erasure), stands.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from application.conversations import open_project
from application.deciding import TRIES
from application.import_commands import ImportConversations, ImportProject
from application.ported import (
    MAX_PORTED_MESSAGES,
    Checks,
    Imported,
    PortedConversation,
    PortedMessage,
    TakenIn,
    checked_moments,
    checked_note,
    checked_run,
)
from application.ports.log import Origin
from application.ports.memory import RecordedAnswer
from application.remarks import MAX_REMARK_BYTES
from application.services import Services
from application.text_rules import checked_name, checked_options, checked_tag, checked_text
from domain.conversation.conversation import Conversation
from domain.conversation.import_events import SOURCE
from domain.errors import (
    ContentErasedError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    WrongVersionError,
)
from domain.event import Root
from domain.ids import derived_id, short
from domain.project.project import Project
from domain.tags import folded

R = TypeVar("R", bound=Root)

DAYBOOK = "daybook"
IMPORTED = "(imported)"
"""The model of a title that a model made elsewhere: a file does not say which."""
LEFT_UNFINISHED = "answer(s) left out: still being written when the file was"
ENDED_OTHERWISE = "answer(s) left as they are here: they ended otherwise in the file"
ALTERED = "text(s) altered: too long for a title, or with characters that no text may have"
HOMELESS = "conversation(s) in no project: theirs is not here"
_REFUSED = (InvalidInputError, NotFoundError, RefusedError, ContentErasedError)


def import_conversations(services: Services, command: ImportConversations) -> Imported:
    """Take conversations in, all in one append; one that cannot be is skipped and stops no other.

    Raises:
        NotFoundError, RefusedError: there is no such project, or it takes no conversations.
        InvalidInputError: one of them comes twice.
        WrongVersionError: others wrote to them too often.
    """
    if command.project_id is not None:
        open_project(services, command.project_id)
    ids = {one.id for one in command.conversations}
    if len(ids) < len(command.conversations) or any(derived_id(one) in ids for one in ids):
        raise InvalidInputError("A conversation is taken in once in one append. Nothing was recorded.")
    attempt = 0
    while True:
        attempt += 1
        roots: list[Root] = []
        results = [_attempt(services, command, one, roots) for one in command.conversations]
        if command.dry_run or not roots:
            return Imported(results=tuple(results), log_size=services.log.size())
        try:
            saved = services.log.save(roots, _origin(command))
        except (WrongVersionError, ContentErasedError):
            if attempt == TRIES:
                raise
        else:
            return Imported(results=tuple(results), log_size=saved.log_size)


def import_project(services: Services, command: ImportProject) -> Imported:
    """Take a project in, where it is not there yet; one that is stays as it is.

    Raises:
        WrongVersionError: others wrote to it too often.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            root, result = _project(services, command)
        except _REFUSED as problem:
            root, result = None, _skipped(command.project.id, problem)
        if command.dry_run or root is None:
            return Imported(results=(result,), log_size=services.log.size())
        try:
            saved = services.log.save([root], _origin(command))
        except WrongVersionError:
            if attempt == TRIES:
                raise
        else:
            return Imported(results=(result,), log_size=saved.log_size)


def _origin(command: ImportConversations | ImportProject) -> Origin:
    return replace(command.origin, source=SOURCE)


def _skipped(imported_id: UUID, problem: Exception) -> TakenIn:
    return TakenIn(imported_id=imported_id, id=None, outcome="skipped", reason=str(problem))


def _project(services: Services, command: ImportProject) -> tuple[Project | None, TakenIn]:
    said = command.project
    found = _here(services, Project, said.id)
    if found is not None:
        _must_be_there(found, found.erased)
        return None, TakenIn(imported_id=said.id, id=found.id, outcome="unchanged")
    checked_moments(said)
    project = Project.create(derived_id(said.id), name=checked_name(said.name, "project name"))
    if said.description:
        project.describe(checked_text(said.description, "description"))
    if said.instructions:
        project.change_instructions(checked_text(said.instructions, "instructions"))
    if said.default_model:
        project.set_default_model(checked_name(said.default_model, "model name"))
    if said.default_options:
        project.set_default_options(checked_options(said.default_options))
    if said.archived:
        project.archive()
    project.end_import(said.id, began_at=said.began_at, changed_at=said.changed_at)
    return project, TakenIn(imported_id=said.id, id=project.id, outcome="new")


def _here(services: Services, kind: type[R], imported_id: UUID) -> R | None:
    """Return what was taken in from it before, or itself where this very book recorded it first."""
    for identifier in (derived_id(imported_id), imported_id):
        try:
            return services.log.load(kind, identifier)
        except NotFoundError:
            continue
    return None


def _must_be_there(found: Root, erased: bool) -> None:  # noqa: FBT001 - a fact, not a switch
    if erased:
        raise ContentErasedError(
            f"It was erased here, as {short(found.id)}; what is erased is not taken in again."
        )


def _attempt(
    services: Services, command: ImportConversations, said: PortedConversation, roots: list[Root]
) -> TakenIn:
    try:
        found = _here(services, Conversation, said.id)
        if found is not None:
            _must_be_there(found, found.erased)
        taking = _Taking(services, command, said, found)
        root = taking.root()
    except _REFUSED as problem:
        return _skipped(said.id, problem)
    if root is not None:
        roots.append(root)
    outcome = "unchanged" if root is None else "new" if found is None else "grown"
    return TakenIn(
        imported_id=said.id,
        id=taking.conversation.id,
        outcome=outcome,
        message_count=taking.added_count,
        remarks=taking.remarks(),
    )


class _Taking:
    """One conversation as it is taken in, into what is here of it already."""

    def __init__(
        self,
        services: Services,
        command: ImportConversations,
        said: PortedConversation,
        found: Conversation | None,
    ) -> None:
        self._services = services
        self._command = command
        self._said = said
        self._checks = Checks()
        self._left_out: dict[UUID, UUID] = {}
        self._ended_otherwise = 0
        self._homeless = False
        self._known: dict[UUID, UUID] = {}
        self._remarked = False
        self.added_count = 0
        self._fresh = found is None
        self.conversation = found or self._started()

    def root(self) -> Conversation | None:
        """Return the conversation with what is new in it; None where nothing is.

        Raises:
            InvalidInputError: the file says what cannot be. NotFoundError: a message follows none.
        """
        said, root = self._said, self.conversation
        checked_moments(said)
        if len(said.messages) > MAX_PORTED_MESSAGES:
            raise InvalidInputError(f"It has more than {MAX_PORTED_MESSAGES:,} messages.")
        stood = root.current_id
        seen: set[UUID] = set()
        for message in said.messages:
            if message.id in seen:
                raise InvalidInputError(f"It has two messages {short(message.id)}.")
            seen.add(message.id)
            self._take(message)
        if not (self._fresh or self.added_count or self._remarked):
            return None
        current = self._current(stood)
        if self._fresh:
            self._file()
        root.end_import(
            current,
            imported_id=said.id,
            imported_from=said.recorded_by,
            began_at=said.began_at,
            changed_at=said.changed_at,
        )
        return root

    def _file(self) -> None:
        """File a new conversation as the file says; one that was here stays as people have filed it."""
        said, root = self._said, self.conversation
        if said.title is not None and said.title_by_model:
            title = self._checks.name(said.title, "title")
            if title is not None:
                root.take_title(title, model=IMPORTED)
        for name in map(checked_tag, said.tags):
            root.tag(self._services.log.tag_id(root.id, folded(name)), name)
        if said.pinned:
            root.pin()
        if said.archived:
            root.archive()

    def remarks(self) -> tuple[tuple[str, int], ...]:
        """Return what was left out or altered, and how often."""
        counts = {
            LEFT_UNFINISHED: len(self._left_out),
            ENDED_OTHERWISE: self._ended_otherwise,
            ALTERED: self._checks.altered_count,
            HOMELESS: self._homeless,
        }
        return tuple((what, int(count)) for what, count in counts.items() if count)

    def _started(self) -> Conversation:
        said = self._said
        given = None if said.title_by_model else said.title
        title = None if given is None else self._checks.name(given, "title")
        return Conversation.start(
            derived_id(said.id),
            project_id=self._command.project_id or self._project_id(),
            title=title,
            origin_conversation_id=said.origin_conversation_id,
            origin_message_id=said.origin_message_id,
        )

    def _project_id(self) -> UUID | None:
        if self._said.project_id is None:
            return None
        found = _here(self._services, Project, self._said.project_id)
        if found is None or found.erased:
            self._homeless = found is not None or not self._command.dry_run
            return None
        return found.id

    def _take(self, message: PortedMessage) -> None:
        if message.under_way:
            self._left_out[message.id] = self._parent_of(message)
            return
        here = self._id_of(message.id)
        self._known[message.id] = here
        if here in self.conversation.messages:
            self._compare(message, here)
        else:
            self._add(message, here)
            self.added_count += 1
        self._take_remarks(message, here)

    def _parent_of(self, message: PortedMessage) -> UUID:
        """Return what an unfinished answer follows, of what is taken in."""
        parent_id = message.parent_id
        if parent_id in self._left_out:
            return self._left_out[parent_id]
        if parent_id is None or parent_id not in self._known:
            raise self._follows(message)
        return parent_id

    @staticmethod
    def _follows(message: PortedMessage) -> NotFoundError | InvalidInputError:
        if message.parent_id is None:
            return InvalidInputError(f"Its answer {short(message.id)} follows nothing.")
        return NotFoundError(
            f"Its message {short(message.id)} follows {short(message.parent_id)}, which does not "
            "stand before it."
        )

    def _compare(self, message: PortedMessage, here: UUID) -> None:
        """Count an answer that did not end here as the file says; an answer ends once."""
        if isinstance(message.said, RecordedAnswer):
            self._ended_otherwise += self.conversation.message(here).status != message.said.status

    def _add(self, message: PortedMessage, here: UUID) -> None:
        parent_id = None
        if message.parent_id is not None:
            parent_id = self._known.get(message.parent_id)
            if parent_id is None:
                raise self._follows(message)
        said = self._checks.said(message)
        told = {**vars(said), "origin_message_id": message.origin_message_id, "imported_id": message.id}
        if isinstance(said, RecordedAnswer):
            if parent_id is None:
                raise self._follows(message)
            told["sent_message_ids"] = tuple(
                self._known[one] for one in said.sent_message_ids if one in self._known
            )
            told["options"] = dict(said.options)
            self.conversation.import_answer(here, prompt_id=parent_id, **told)
        else:
            self.conversation.import_prompt(here, parent_id=parent_id, **told)
            if message.made_by is not None:
                self.conversation.note_routine(here, **checked_run(message.made_by))

    def _take_remarks(self, message: PortedMessage, here: UUID) -> None:
        """Take in the rating of an answer that never had one here, and the notes that never were here."""
        conversation = self.conversation
        if message.rating is not None and here not in conversation.rated:
            words = message.rating_words and self._remark(message.rating_words, "words")
            conversation.rate_answer(here, message.rating, words or None)
            self._remarked = True
        for note in message.notes:
            checked_note(note)
            note_id = derived_id(self._said.id, note.id)
            if conversation.had_note(note_id) or conversation.had_note(note.id):
                continue
            conversation.import_note(
                note_id,
                here,
                self._remark(note.text, "note"),
                written_at=note.written_at,
                changed_at=note.changed_at,
                imported_id=note.id,
            )
            self._remarked = True

    def _remark(self, text: str, what: str) -> str:
        return checked_text(self._checks.text(text, what), what, limit=MAX_REMARK_BYTES)

    def _id_of(self, message_id: UUID) -> UUID:
        """Return which id a message of the file has here, or will have."""
        if message_id in self.conversation.messages:  # this very book recorded it first
            return message_id
        return derived_id(self._said.id, message_id)

    def _current(self, stood: UUID | None) -> UUID | None:
        """Return where to go on: where the file says, unless that is no news, or somebody moved on here."""
        moved_on = stood is not None and stood not in self._known.values()
        if not self._fresh and (moved_on or not self.added_count):
            return stood
        wanted = self._said.current_id
        if wanted is None:
            return None
        return self._known.get(self._left_out.get(wanted, wanted))
