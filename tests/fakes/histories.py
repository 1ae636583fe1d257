"""Random histories of a book, made by the aggregates themselves, so that every one could have happened."""

from __future__ import annotations

from random import Random
from uuid import UUID, uuid4, uuid5

from domain.conversation.conversation import Conversation, Kind, Status
from domain.conversation.import_events import SOURCE
from domain.event import Root
from domain.project.project import Project
from domain.routine.definition import Definition
from domain.routine.routine import Routine
from tests.fakes.log import MemoryLog, MemoryVault

_WORDS = ["sun", "moon", "tide", "harbour", "lantern", "maple", "ferry", "copper", "needle", "thread"]
_OUTCOME = {
    "reason": "stop",
    "model_digest": "sha256:1",
    "prompt_tokens": 3,
    "completion_tokens": 5,
    "total_ms": 12.5,
    "load_ms": None,
    "prompt_eval_ms": 1.0,
    "eval_ms": 2.0,
    "first_token_ms": 3.0,
}
_PROVENANCE = {
    "owner_id": UUID(int=1),
    "model": "small",
    "context_length": 8192,
    "sent_message_ids": (),
    "cut_count": 0,
    "instructions_project_id": None,
    "instructions_version": None,
    "think": None,
    "request_hash": bytes(32),
    "options": {},
}


class Historian:
    """Lets things happen at random, in a log and a vault in memory."""

    def __init__(self, seed: int = 0) -> None:
        self.random = Random(seed)
        self.log = MemoryLog()
        self.vault = MemoryVault()
        self.projects: list[Project] = []
        self.conversations: list[Conversation] = []
        self.routines: list[Routine] = []
        self.imported: list[Conversation] = []

    def live(self, steps: int) -> None:
        """Let so many things happen."""
        deeds = [
            self.open,
            self.ask,
            self.ask,
            self.answer,
            self.finish,
            self.finish,
            self.tidy,
            self.fork,
            self.take_in,
            self.remark,
            self.file,
            self.project,
            self.routine,
            self.run,
        ]
        for _ in range(steps):
            self.random.choice(deeds)()

    def open(self) -> None:
        project = self.random.choice(self.projects) if self.projects and self.random.random() < 0.5 else None
        title = self.text(3) if self.random.random() < 0.5 else None
        conversation = Conversation.start(uuid4(), project_id=project.id if project else None, title=title)
        self.conversations.append(conversation)
        self.record(conversation)

    def ask(self) -> None:
        conversation = self.some_conversation()
        if conversation is None:
            return
        answers = [
            m.id
            for m in conversation.messages.values()
            if m.kind is Kind.ANSWER and m.status is not Status.STREAMING
        ]
        parent = self.random.choice(answers) if answers and self.random.random() < 0.8 else None
        instructions = self.text(4) if self.random.random() < 0.2 else None
        conversation.add_prompt(uuid4(), self.text(8), parent_id=parent, instructions=instructions)
        self.begin(conversation)
        self.record(conversation)

    def answer(self) -> None:
        conversation = self.some_conversation()
        if conversation is not None and conversation.messages:
            self.begin(conversation)
            self.record(conversation)

    def begin(self, conversation: Conversation) -> UUID:
        prompts = [m.id for m in conversation.messages.values() if m.kind is Kind.PROMPT]
        answer_id = uuid4()
        conversation.start_answer(
            answer_id,
            prompt_id=self.random.choice(prompts),
            owner_id=uuid4(),
            model=self.random.choice(["small", "large"]),
            context_length=8192,
            sent_message_ids=tuple(prompts[:2]),
            cut_count=self.random.randrange(3),
            instructions_project_id=conversation.project_id,
            instructions_version=1 if conversation.project_id else None,
            think=self.random.choice([None, True, "high"]),
            request_hash=bytes(32),
            options={"temperature": 0.5},
        )
        return answer_id

    def finish(self) -> None:
        conversation = self.some_conversation()
        open_answers = conversation.streaming() if conversation else []
        if conversation is None or not open_answers:
            return
        answer_id = self.random.choice(open_answers)
        told = {**_OUTCOME, "text": self.text(12), "thinking": self.random.choice(["", self.text(5)])}
        match self.random.randrange(5):
            case 0:
                conversation.cancel_answer(answer_id, **told)
            case 1:
                conversation.fail_answer(answer_id, **{**told, "reason": "timed-out", "detail": self.text(3)})
            case 2:
                conversation.interrupt_answer(answer_id, text=self.text(2), thinking="", reason="owner-gone")
                if self.random.random() < 0.5:
                    conversation.complete_answer(answer_id, **told)
            case _:
                conversation.complete_answer(answer_id, **told)
        self.record(conversation)

    def tidy(self) -> None:
        if not self.conversations:
            return
        conversation = self.random.choice(self.conversations)
        match self.random.randrange(4):
            case 0:
                conversation.archive()
            case 1 if not conversation.archived:
                answers = [m.id for m in conversation.messages.values() if m.kind is Kind.ANSWER]
                conversation.go_on_from(self.random.choice([None, *answers]))
            case 2:
                conversation.rename(self.text(3))
            case _:
                conversation.restore()
        self.record(conversation)

    def fork(self) -> None:
        origin = self.some_conversation()
        if origin is None or not origin.messages:
            return
        leaf = self.random.choice(list(origin.messages.values()))
        if leaf.status is Status.STREAMING:
            return
        fork = Conversation.start(
            uuid4(),
            project_id=origin.project_id,
            title=None,
            origin_conversation_id=origin.id,
            origin_message_id=leaf.id,
        )
        origin.give_to_fork(leaf.id, fork.id)
        above: UUID | None = None
        for message in [*origin.branch(leaf.id)][::-1]:
            copy = uuid4()
            told = {"origin_message_id": message.id, "said_at": self.random.randrange(10**15)}
            if message.kind is Kind.PROMPT:
                fork.copy_prompt(copy, parent_id=above, text=self.text(8), instructions=None, **told)
            else:
                fork.copy_answer(
                    copy,
                    prompt_id=above or copy,
                    **{**_OUTCOME, **_PROVENANCE, **told},
                    status=str(message.status),
                    ended_at=None,
                    text=self.text(5),
                    thinking="",
                    detail=None,
                )
            above = copy
        self.conversations.append(fork)
        self.record(origin)
        self.record(fork)

    def take_in(self) -> None:
        """Import a conversation, or what is new of one that was imported before."""
        began_at = self.random.randrange(4 * 10**15)
        grown = self.random.choice(self.imported) if self.imported and self.random.random() < 0.5 else None
        self.bring(began_at, began_at + self.random.randrange(10**12), grown)

    def bring(self, began_at: int, changed_at: int, grown: Conversation | None = None) -> Conversation:
        """Import a prompt and its answer, into an imported conversation or a new one."""
        taken = grown or Conversation.start(uuid4(), project_id=None, title=None)
        if grown is None:
            self.conversations.append(taken)
            self.imported.append(taken)
        told = {"origin_message_id": None, "said_at": began_at, "imported_id": uuid4()}
        prompt_id, answer_id = uuid4(), uuid4()
        taken.import_prompt(prompt_id, parent_id=None, text=self.text(4), instructions=None, **told)
        taken.import_answer(
            answer_id,
            prompt_id=prompt_id,
            **{**_OUTCOME, **_PROVENANCE, **told},
            status="complete",
            ended_at=None,
            text=self.text(5),
            thinking="",
            detail=None,
        )
        taken.import_note(
            uuid4(), answer_id, self.text(2), written_at=began_at, changed_at=None, imported_id=uuid4()
        )
        taken.end_import(
            self.random.choice([None, answer_id]),
            imported_id=uuid4(),
            imported_from="daybook",
            began_at=began_at,
            changed_at=changed_at,
        )
        self.record(taken, source=SOURCE)
        return taken

    def remark(self) -> None:
        conversation = self.some_conversation()
        if conversation is None or not conversation.messages:
            return
        message = self.random.choice(list(conversation.messages.values()))
        note = self.random.choice([None, *conversation.notes])
        match self.random.randrange(4):
            case 0 if message.kind is Kind.ANSWER and message.status is not Status.STREAMING:
                rating = self.random.choice([None, "up", "down"])
                conversation.rate_answer(message.id, rating, self.text(2) if rating else None)
            case 1 if note is not None:
                conversation.change_note(note, self.text(3))
            case 2 if note is not None:
                conversation.remove_note(note)
            case _:
                conversation.write_note(uuid4(), message.id, self.text(3))
        self.record(conversation)

    def file(self) -> None:
        if not self.conversations:
            return
        conversation = self.random.choice(self.conversations)
        tag = self.random.randrange(3)
        match self.random.randrange(6):
            case 0:
                conversation.pin()
            case 1:
                conversation.unpin()
            case 2:
                conversation.move(self.random.choice([None, *(one.id for one in self.projects)]))
            case 3:
                conversation.untag(self.tag_id(conversation, tag))
            case 4:
                conversation.take_title(self.text(3), model="small")
            case _:
                conversation.tag(self.tag_id(conversation, tag), f"tag {tag}")
        self.record(conversation)

    @staticmethod
    def tag_id(conversation: Conversation, tag: int | str) -> UUID:
        return uuid5(conversation.id, str(tag))

    def project(self) -> None:
        if not self.projects or self.random.random() < 0.3:
            project = Project.create(uuid4(), name=self.text(2))
            self.projects.append(project)
        else:
            project = self.random.choice(self.projects)
            project.restore()
            match self.random.randrange(6):
                case 5:
                    project.set_default_options({"seed": self.random.randrange(9)})
                case 0:
                    project.rename(self.text(2))
                case 1:
                    project.describe(self.text(6))
                case 2:
                    project.change_instructions(self.text(6))
                case 3:
                    project.set_default_model(self.random.choice([None, "small", "large"]))
                case _:
                    project.archive()
        self.record(project)

    def routine(self) -> None:
        definition = Definition(
            name=self.random.choice(["say", "translate", "tidy"]),
            prompt=self.random.choice(["Say {{a=1}}", self.text(5)]),
            description=self.random.choice(["", self.text(2)]),
            model=self.random.choice([None, "small"]),
            think=self.random.choice([None, False, "low"]),
            options=self.random.choice([{}, {"seed": 1}]),
        )
        living = [one for one in self.routines if not one.removed]
        if not living or self.random.random() < 0.3:
            routine = Routine.save(uuid4(), definition)
            self.routines.append(routine)
        else:
            routine = self.random.choice(living)
            if self.random.random() < 0.3:
                routine.remove()
            else:
                routine.change(definition)
        self.record(routine)

    def run(self) -> None:
        if not self.routines:
            return
        routine = self.random.choice(self.routines)
        conversation = Conversation.start(uuid4(), project_id=None, title=None)
        prompt_id = uuid4()
        conversation.add_prompt(prompt_id, self.text(4), parent_id=None)
        conversation.note_routine(
            prompt_id,
            routine_id=routine.id,
            routine_version=routine.version,
            variables={"a": self.text(2)},
        )
        self.begin(conversation)
        self.conversations.append(conversation)
        self.record(conversation)

    def some_conversation(self) -> Conversation | None:
        open_ones = [conversation for conversation in self.conversations if not conversation.archived]
        return self.random.choice(open_ones) if open_ones else None

    def text(self, length: int) -> str:
        words = " ".join(self.random.choice(_WORDS) for _ in range(length))
        odd = self.random.random()
        if odd < 0.05:
            return words + " \0 nul"
        return words + " \ud800 lone" if odd < 0.1 else words

    def record(self, root: Root, *, actor: str | None = None, source: str = "cli") -> int:
        """Append what an aggregate decided; returns the log size reached."""
        return self.log.append(
            root.collect_events(),
            self.vault,
            actor=actor or self.random.choice(["ada", "bob"]),
            source=source,
        )

    def exchange(
        self, conversation: Conversation, question: str, reply: str, *, actor: str = "ada"
    ) -> tuple[UUID, UUID]:
        """Let a question be asked and answered at the end of the current branch; returns both ids."""
        prompt_id = uuid4()
        conversation.add_prompt(prompt_id, question, parent_id=conversation.current_id)
        answer_id = uuid4()
        conversation.start_answer(
            answer_id,
            prompt_id=prompt_id,
            owner_id=uuid4(),
            model="small",
            context_length=8192,
            sent_message_ids=(prompt_id,),
            cut_count=0,
            instructions_project_id=None,
            instructions_version=None,
            think=None,
            request_hash=bytes(32),
            options={},
        )
        conversation.complete_answer(answer_id, text=reply, thinking="", **_OUTCOME)
        self.record(conversation, actor=actor)
        return prompt_id, answer_id

    def conversation(
        self, *, title: str | None = None, project_id: UUID | None = None, actor: str = "ada"
    ) -> Conversation:
        """Start a conversation."""
        conversation = Conversation.start(uuid4(), project_id=project_id, title=title)
        self.conversations.append(conversation)
        self.record(conversation, actor=actor)
        return conversation
