from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.content import Sealed, packed
from domain.conversation.conversation import Conversation
from domain.conversation.events import ConversationRenamed, PromptAdded
from domain.errors import ConflictError, DaybookError, WrongVersionError
from domain.event import Catalogue, Event, Root, UnknownEventTypeError, catalogue, field_names
from domain.ids import fragment, new_id, short


def two_versions() -> tuple[Catalogue, type[Event]]:
    book = Catalogue()

    @book.register("thing.happened", plain="size", version=3)
    class ThingHappened(Event):
        size: int
        label: str

    @book.upcast("thing.happened", 1, plain="length")
    def with_a_size(values: dict[str, Any]) -> dict[str, Any]:
        return {"size": values["length"], "name": values["name"]}

    @book.upcast("thing.happened", 2, plain="size")
    def with_a_label(values: dict[str, Any]) -> dict[str, Any]:
        return {"size": values["size"], "label": values["name"]}

    return book, ThingHappened


def test_old_versions_are_brought_to_the_present_one_step_by_step() -> None:
    book, cls = two_versions()

    assert book.resolve("thing.happened", 1, {"length": 2, "name": "a"}) == (cls, {"size": 2, "label": "a"})
    assert book.resolve("thing.happened", 2, {"size": 2, "name": "a"}) == (cls, {"size": 2, "label": "a"})
    assert book.resolve("thing.happened", 3, {"size": 2, "label": "a"}) == (cls, {"size": 2, "label": "a"})


def test_each_version_says_which_of_its_fields_were_plain() -> None:
    book, _ = two_versions()

    assert book.plain_at("thing.happened", 1) == {"length"}
    assert book.plain_at("thing.happened", 2) == {"size"}
    assert book.plain_at("thing.happened", 3) == {"size"}
    assert book.plain_at("thing.unheard-of", 1) == frozenset()


@pytest.mark.parametrize(
    ("type_name", "version"), [("thing.unheard-of", 1), ("thing.happened", 4), ("thing.happened", 0)]
)
def test_an_unknown_type_or_version_stops_the_reader(type_name: str, version: int) -> None:
    book, _ = two_versions()

    with pytest.raises(UnknownEventTypeError, match="does not know"):
        book.resolve(type_name, version, {})


def test_a_type_name_is_given_once() -> None:
    book, cls = two_versions()

    with pytest.raises(ValueError, match="two events"):
        book.register("thing.happened")(cls)


def test_a_plain_field_must_exist() -> None:
    with pytest.raises(ValueError, match="has no fields"):
        Catalogue().register("thing.lost", plain="colour")(PromptAdded)


def test_the_catalogue_knows_every_event_and_its_aggregate() -> None:
    assert catalogue.types()["conversation.prompt-added"] is PromptAdded
    assert catalogue.aggregate_of("conversation.prompt-added") is Conversation


def test_an_event_names_its_own_fields_without_the_envelope() -> None:
    assert field_names(PromptAdded) == {"message_id", "parent_id", "text", "instructions"}


def test_an_aggregate_may_ignore_an_event() -> None:
    conversation = Conversation.start(new_id(), project_id=None, title=None)
    renamed = ConversationRenamed(
        originator_id=conversation.id, originator_version=2, timestamp=conversation.created_on, title="x"
    )
    Root.fold(conversation, renamed)
    assert conversation.version == 1


def test_sealed_content_packs_with_its_coordinates_and_back() -> None:
    sealed = Sealed(new_id(), 7, "text", b"\x01box")

    assert Sealed.unpack(sealed.pack()) == sealed
    assert Sealed.unpack(memoryview(sealed.pack())) == sealed  # type: ignore[arg-type]


def test_only_content_from_the_log_is_packed() -> None:
    sealed = Sealed(new_id(), 7, "text", b"\x01box")

    assert packed(None) is None
    assert packed(sealed) == sealed.pack()
    with pytest.raises(TypeError, match="read from the log"):
        packed("readable")


def test_new_ids_are_of_version_7_and_differ() -> None:
    ids = [new_id() for _ in range(1000)]

    assert len(set(ids)) == 1000
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    assert ids[0].int >> 80 <= ids[-1].int >> 80


def test_ids_are_shown_short_and_found_by_a_part() -> None:
    one = UUID("01890a5d-ac96-774b-bcce-b302099a8057")

    assert short(one) == "099a8057"
    assert fragment(" 01890A5D-AC96 ") == "01890a5dac96"
    assert fragment("abc") is None
    assert fragment("not hex!") is None


def test_an_error_carries_its_message_and_the_next_command() -> None:
    error = WrongVersionError("Somebody was faster.", hint="daybook list")

    assert (error.message, error.hint, str(error)) == (
        "Somebody was faster.",
        "daybook list",
        "Somebody was faster.",
    )
    assert isinstance(error, ConflictError)
    assert isinstance(error, DaybookError)
