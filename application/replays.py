"""Handlers of the commands on replays."""

from __future__ import annotations

from uuid import UUID

from application.commands import Done
from application.deciding import TRIES, change, must_stand_at
from application.replay_commands import CancelReplay, EraseReplay, StartReplay
from application.services import Services
from application.text_rules import checked_options, checked_text
from domain.errors import InvalidInputError, WrongVersionError
from domain.ids import new_id
from domain.replay.replay import Replay

REQUEST = "request"
_MOST_MODEL = 200


def start_replay(services: Services, command: StartReplay) -> Done:
    """Record a replay; whoever runs replays asks its prompts.

    Raises:
        InvalidInputError: there is nothing to ask, or too much; no model, or wrong options.
    """
    if command.idempotency is not None:
        before = services.log.answered(command.origin, command.idempotency)
        if before is not None:
            return Done(UUID(bytes=before.result), before.log_size)
    model = command.model.strip()
    if not model or len(model) > _MOST_MODEL:
        raise InvalidInputError(
            "A replay needs a model to ask. Nothing was recorded.", hint="--model deepseek-r1:8b"
        )
    instructions = command.instructions
    if instructions is not None:
        instructions = checked_text(instructions, "instructions")
    replay = Replay.start(
        new_id(),
        command.answer_ids,
        model=model,
        repeat=command.repeat,
        chosen_by=command.chosen_by,
        instructions=instructions,
        options=checked_options(command.options),
    )
    saved = services.log.save(
        [replay], command.origin, idempotency=command.idempotency, result=replay.id.bytes
    )
    if saved.replayed:
        return Done(UUID(bytes=saved.result), saved.log_size)
    return Done(replay.id, saved.log_size, replay.version)


def cancel_replay(services: Services, command: CancelReplay) -> Done:
    """Want no more of a replay; whoever runs it stops.

    Raises:
        NotFoundError: there is none.
    """
    return change(services.log, Replay, command.replay_id, Replay.cancel, command)


def erase_replay(services: Services, command: EraseReplay) -> Done:
    """Erase a replay: its instructions and all that was answered in it.

    Raises:
        ContentErasedError: it was erased before.
        NotFoundError: there is none.
    """
    if command.idempotency is not None:
        before = services.log.answered(command.origin, command.idempotency)
        if before is not None:
            return Done(command.replay_id, before.log_size)
    attempt = 0
    while True:
        attempt += 1
        replay = services.log.load(Replay, command.replay_id)
        must_stand_at(command.expected_version, replay)
        replay.erase(REQUEST)
        try:
            saved = services.log.erase([replay], command.origin, idempotency=command.idempotency)
        except WrongVersionError:
            if attempt == TRIES:
                raise
        else:
            return Done(replay.id, saved.log_size, None if saved.replayed else replay.version)
