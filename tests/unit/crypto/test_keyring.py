from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Sequence
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from application.errors import KeyringError
from domain.content import Sealed
from domain.errors import ContentDamagedError, ContentErasedError
from domain.ids import new_id
from infrastructure.crypto import keyring as module
from infrastructure.crypto import wrapping
from infrastructure.crypto.keyring import Keyring
from infrastructure.crypto.opening import BookRow
from infrastructure.crypto.wrapping import derive
from tests.unit.crypto.store import MemoryKeyStore, keyring_on

OWNER = UUID(int=7)


def with_key(store: MemoryKeyStore, owner_id: UUID = OWNER) -> Keyring:
    ring = keyring_on(store)
    store.keep(ring.new_key(owner_id))
    ring.settle(owner_id, kept=True)
    return ring


def test_the_first_keyring_founds_the_book_and_the_next_opens_it() -> None:
    store = MemoryKeyStore()
    first = with_key(store)
    sealed = first.seal("Hello.", stream_id=OWNER, version=1, field="text")

    second = keyring_on(store)

    assert second.open(sealed) == "Hello."
    assert (second.book_id, second.master) == (first.book_id, b"m" * 32)


def test_a_database_without_a_book_gets_a_new_master_key() -> None:
    store = MemoryKeyStore()
    ring = keyring_on(store, None)
    ring.unlock()
    assert ring.master == b"n" * 32


def test_a_missing_master_key_is_an_error_before_anything_is_written() -> None:
    store = MemoryKeyStore()
    with_key(store)

    with pytest.raises(KeyringError, match="missing") as error:
        keyring_on(store, None).unlock()
    assert "keys import" in error.value.hint


def test_another_books_master_key_is_refused() -> None:
    store = MemoryKeyStore()
    with_key(store)
    stranger = keyring_on(store, b"x" * 32)

    for use in (
        stranger.unlock,
        lambda: stranger.new_key(new_id()),
        lambda: stranger.hash_command(b"c"),
        lambda: stranger.seal("x", stream_id=OWNER, version=1, field="text"),
    ):
        with pytest.raises(KeyringError, match="not this book's"):
            use()
    assert set(store.data_keys) == {OWNER}


@pytest.mark.parametrize(
    "value", ["", "Hi \ud83d\U0001f600\0\x85", {"num_ctx": 1, "x": [None, 0.5]}], ids=range(3)
)
def test_what_is_sealed_opens_again(value: object) -> None:
    ring = with_key(MemoryKeyStore())
    sealed = ring.seal(value, stream_id=OWNER, version=3, field="text")

    assert ring.open(sealed) == value
    assert ring.seal(value, stream_id=OWNER, version=3, field="text") != sealed


@pytest.mark.parametrize(
    "moved",
    [
        pytest.param(lambda s: Sealed(s.stream_id, 4, s.field, s.box), id="version"),
        pytest.param(lambda s: Sealed(s.stream_id, s.version, "title", s.box), id="field"),
        pytest.param(lambda s: Sealed(UUID(int=8), s.version, s.field, s.box), id="stream"),
        pytest.param(lambda s: Sealed(s.stream_id, s.version, s.field, s.box[:-1] + b"\0"), id="last byte"),
        pytest.param(lambda s: Sealed(s.stream_id, s.version, s.field, b"\x02" + s.box[1:]), id="format"),
        pytest.param(lambda s: Sealed(s.stream_id, s.version, s.field, s.box[:5]), id="cut"),
        pytest.param(lambda s: Sealed(s.stream_id, s.version, s.field, b""), id="empty"),
    ],
)
def test_sealed_content_is_bound_to_its_place(moved: object) -> None:
    store = MemoryKeyStore()
    ring = with_key(store)
    store.keep(ring.new_key(UUID(int=8)))
    sealed = ring.seal("Hello.", stream_id=OWNER, version=3, field="text")

    with pytest.raises(ContentDamagedError, match="altered"):
        ring.open(moved(sealed))  # type: ignore[operator]


def test_content_without_a_key_was_erased() -> None:
    ring = keyring_on(MemoryKeyStore())

    with pytest.raises(ContentErasedError, match="was erased"):
        ring.open(Sealed(OWNER, 1, "text", b"\x01"))
    with pytest.raises(ContentErasedError, match="was erased"):
        ring.seal("x", stream_id=OWNER, version=1, field="text")


def test_a_new_conversations_request_is_hashed_under_the_key_its_append_carries() -> None:
    store = MemoryKeyStore()
    ring = keyring_on(store)

    before = ring.hash_request(OWNER, b"request")
    store.keep(ring.new_key(OWNER))
    ring.settle(OWNER, kept=True)

    assert ring.hash_request(OWNER, b"request") == before
    assert keyring_on(store).hash_request(OWNER, b"request") == before
    assert ring.hash_request(OWNER, b"another") != before


def test_an_erased_owner_never_gets_a_hash_or_a_key() -> None:
    store = MemoryKeyStore()
    store.tombstones.add(OWNER)

    with pytest.raises(ContentErasedError):
        keyring_on(store).hash_request(OWNER, b"request")


def test_a_key_whose_append_failed_is_forgotten() -> None:
    ring = keyring_on(MemoryKeyStore())
    first = ring.new_key(OWNER)
    assert ring.new_key(OWNER) == first

    ring.settle(OWNER, kept=False)

    with pytest.raises(ContentErasedError):
        ring.seal("x", stream_id=OWNER, version=1, field="text")
    assert ring.new_key(OWNER) != first
    ring.settle(new_id(), kept=True)


def test_a_forgotten_key_is_looked_up_again() -> None:
    store = MemoryKeyStore()
    ring = with_key(store)
    sealed = ring.seal("x", stream_id=OWNER, version=1, field="text")
    assert store.looks == 0
    ring.forget(OWNER)
    assert ring.open(sealed) == "x"
    assert store.looks == 1

    ring.forget(OWNER)
    del store.data_keys[OWNER]
    with pytest.raises(ContentErasedError):
        ring.open(sealed)


def test_the_caches_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_CACHED", 3)
    store = MemoryKeyStore()
    owners = [UUID(int=n) for n in range(10)]
    ring = keyring_on(store)
    for owner in owners:
        store.keep(ring.new_key(owner))
        ring.settle(owner, kept=True)
    sealed = [ring.seal("x", stream_id=owner, version=1, field="text") for owner in owners]

    assert [ring.open(one) for one in sealed] == ["x"] * 10
    for owner in [new_id() for _ in range(10)]:
        ring.hash_request(owner, b"never appended")
    assert len(ring._known) == 3
    assert len(ring._fresh) == 3


def test_an_altered_key_is_an_error_of_its_own() -> None:
    store = MemoryKeyStore()
    with_key(store)
    epoch, box = store.data_keys[OWNER]
    sealed = Sealed(OWNER, 1, "text", b"\x01" + bytes(40))

    flipped = box[:-1] + bytes([box[-1] ^ 1])
    for altered in (flipped, b"", with_key(MemoryKeyStore(), OWNER).new_key(OWNER).box):
        store.data_keys[OWNER] = epoch, altered
        with pytest.raises(KeyringError, match="does not open with the key above"):
            keyring_on(store).open(sealed)
    store.data_keys[OWNER] = 2, box
    with pytest.raises(KeyringError, match="epoch key that is not there"):
        keyring_on(store).open(sealed)
    store.wrapped_epochs.clear()
    with pytest.raises(KeyringError, match="no epoch key"):
        keyring_on(store).unlock()


def test_a_key_of_a_later_epoch_is_found_without_a_restart() -> None:
    store = MemoryKeyStore()
    old = with_key(store)
    epoch_key = b"e" * 32
    store.wrapped_epochs[2] = wrapping.wrap(b"m" * 32, epoch_key, wrapping.epoch_binding(old.book_id, 2))
    store.data_keys[UUID(int=9)] = (
        2,
        wrapping.wrap(epoch_key, b"d" * 32, wrapping.data_key_binding(UUID(int=9), 2)),
    )

    sealed = keyring_on(store).seal("x", stream_id=UUID(int=9), version=1, field="text")

    assert old.open(sealed) == "x"
    assert keyring_on(store).new_key(new_id()).epoch == 2


def test_hashes_are_hmacs_under_hkdf_keys() -> None:
    store = MemoryKeyStore()
    ring = with_key(store)
    key = HKDF(SHA256(), 32, None, b"daybook/commands/1").derive(b"m" * 32)

    assert derive(b"m" * 32, b"daybook/commands/1") == key
    assert ring.hash_command(b"command") == hmac.new(key, b"command", hashlib.sha256).digest()
    assert keyring_on(store).hash_command(b"command") == ring.hash_command(b"command")


def test_names_are_hashed_for_the_book_and_tags_for_their_conversation() -> None:
    store = MemoryKeyStore()
    ring = with_key(store)
    commands = HKDF(SHA256(), 32, None, b"daybook/commands/1").derive(b"m" * 32)
    key = HKDF(SHA256(), 32, None, b"daybook/names/1").derive(commands)

    assert ring.name_hash("work") == hmac.new(key, b"work", hashlib.sha256).digest()[:16]
    assert keyring_on(store).name_hash("work") == ring.name_hash("work")
    assert ring.name_hash("a\ud800b") != ring.name_hash("ab")
    assert keyring_on(store).hash_tag(OWNER, "work") == ring.hash_tag(OWNER, "work")
    assert len({ring.hash_tag(OWNER, "work"), ring.hash_tag(OWNER, "home"), ring.name_hash("work")}) == 3


def test_many_threads_may_open_a_book_at_once() -> None:
    store = MemoryKeyStore()
    sealed = with_key(store).seal("x", stream_id=OWNER, version=1, field="text")
    ring = keyring_on(store)
    barrier = threading.Barrier(8)
    opened: list[object] = []

    def work() -> None:
        barrier.wait()
        opened.append(ring.open(sealed))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert opened == ["x"] * 8


def test_a_key_in_the_cache_does_not_outlive_a_noticed_erasure() -> None:
    store = MemoryKeyStore()
    one, two = keyring_on(store), keyring_on(store)
    owner = new_id()
    store.keep(one.new_key(owner))
    one.settle(owner, kept=True)
    sealed = one.seal("secret", stream_id=owner, version=1, field="text")
    assert two.open(sealed) == "secret"

    store.tombstones.add(owner)
    del store.data_keys[owner]
    for keyring in (one, two):
        keyring.noticed(1)
        with pytest.raises(ContentErasedError):
            keyring.open(sealed)


def test_an_older_number_of_erasures_keeps_the_cache() -> None:
    store = MemoryKeyStore()
    keyring = keyring_on(store)
    owner = new_id()
    store.keep(keyring.new_key(owner))
    keyring.settle(owner, kept=True)
    keyring.noticed(2)
    sealed = keyring.seal("text", stream_id=owner, version=1, field="text")
    looks = store.looks

    keyring.noticed(1)
    keyring.noticed(2)

    assert keyring.open(sealed) == "text"
    assert store.looks == looks


def test_a_key_made_before_an_erasure_was_noticed_is_not_cached_after_it() -> None:
    store = MemoryKeyStore()
    keyring = keyring_on(store)
    owner = new_id()
    keyring.new_key(owner)
    keyring.noticed(1)

    keyring.settle(owner, kept=True)

    with pytest.raises(ContentErasedError):
        keyring.seal("text", stream_id=owner, version=1, field="text")


class Moving:
    """A master key that is replaced while a keyring looks."""

    def __init__(self) -> None:
        self.store = MemoryKeyStore()
        self.master = b"m" * 32
        self.next: bytes | None = None
        self.ring = self.other()
        self.ring.unlock()

    def other(self) -> Keyring:
        return Keyring(self.store, lambda: self.master, lambda: b"n" * 32, next_master=lambda: self.next)

    def replace(self, new: bytes) -> None:
        """Do to the store what a replacement does to the database."""
        row, ring = self.store.row, self.other()
        assert row is not None
        ring.unlock()
        made = ring.rekeyed(row, self.store.wrapped_epochs, new)
        self.store.wrapped_epochs = made.epochs
        self.store.row = BookRow(row.book_id, made.master_check, row.master_check, made.command_key)


def test_the_next_master_key_opens_the_book_once_it_is_in_force() -> None:
    moving = Moving()
    hashed = moving.ring.hash_command(b"command")
    moving.next = b"2" * 32
    assert moving.other().master == b"m" * 32

    moving.replace(moving.next)

    assert moving.other().master == moving.next
    moving.master, moving.next = moving.next, None
    assert moving.other().hash_command(b"command") == hashed
    moving.replace(b"3" * 32)
    moving.master = b"3" * 32
    assert moving.other().hash_command(b"command") == hashed


def test_an_open_book_takes_the_new_master_key_when_it_needs_one() -> None:
    moving = Moving()
    moving.replace(b"2" * 32)
    moving.master = b"2" * 32

    made = moving.ring.next_epoch(2)

    row = moving.store.row
    assert row is not None
    assert made.master_check == row.master_check
    moving.store.wrapped_epochs[2] = made.box
    assert moving.other().new_key(new_id()).epoch == 2


def test_the_former_master_key_is_told_from_a_strangers() -> None:
    moving = Moving()
    moving.replace(b"2" * 32)

    with pytest.raises(KeyringError, match="this is the former one") as error:
        moving.other().unlock()
    assert "DAYBOOK_MASTER_KEY_FILE" in error.value.hint
    moving.master = b"x" * 32
    with pytest.raises(KeyringError, match="not this book's"):
        moving.other().unlock()


def test_a_replacement_between_two_looks_is_no_damage() -> None:
    moving = Moving()
    real = moving.store.epochs

    def replaced_meanwhile() -> dict[int, bytes]:
        moving.store.epochs = real  # type: ignore[method-assign]
        moving.replace(b"2" * 32)
        moving.next = b"2" * 32
        return real()

    moving.store.epochs = replaced_meanwhile  # type: ignore[method-assign]

    assert moving.ring.master == b"2" * 32


def test_a_next_key_that_moved_while_we_looked_is_found_in_its_place() -> None:
    moving = Moving()
    moving.replace(b"2" * 32)
    looks: list[str] = []

    def first() -> bytes:
        looks.append("place")
        return b"m" * 32 if looks == ["place"] else b"2" * 32

    assert Keyring(moving.store, first, lambda: b"n" * 32, next_master=lambda: None).master == b"2" * 32


def test_a_book_that_vanished_is_not_made_again() -> None:
    moving = Moving()
    moving.store.row = None

    with pytest.raises(KeyringError, match="lost its book"):
        moving.ring.next_epoch(2)


def test_who_opens_a_book_is_told_once_which() -> None:
    told: list[UUID] = []
    ring = Keyring(MemoryKeyStore(), lambda: None, lambda: b"n" * 32, opened=told.append)

    ring.unlock()
    ring.next_epoch(2)

    assert told == [ring.book_id]


def sealed_by_many(store: MemoryKeyStore) -> list[Sealed]:
    ring = keyring_on(store)
    owners = [UUID(int=number) for number in range(20, 25)]
    for owner in owners:
        store.keep(ring.new_key(owner))
    return [ring.seal(owner.hex, stream_id=owner, version=1, field="text") for owner in owners]


def test_keys_of_many_streams_are_read_in_one_look() -> None:
    store = MemoryKeyStore()
    sealed = sealed_by_many(store)
    ring = keyring_on(store)

    ring.prepare([*(one.stream_id for one in sealed), new_id()])

    assert [ring.open(one) for one in sealed] == [one.stream_id.hex for one in sealed]
    ring.prepare(one.stream_id for one in sealed)
    assert store.looks == 1


def test_preparing_leaves_an_altered_key_to_whoever_opens_its_content() -> None:
    store = MemoryKeyStore()
    sealed = sealed_by_many(store)
    altered = sealed[2].stream_id
    epoch, box = store.data_keys[altered]
    store.data_keys[altered] = epoch, box[:-1] + bytes([box[-1] ^ 1])
    ring = keyring_on(store)

    ring.prepare(one.stream_id for one in sealed)

    assert ring.open(sealed[3]) == sealed[3].stream_id.hex
    with pytest.raises(KeyringError, match="does not open with the key above"):
        ring.open(sealed[2])


def test_preparing_finds_keys_of_a_later_epoch() -> None:
    store = MemoryKeyStore()
    ring = keyring_on(store)
    ring.unlock()
    store.wrapped_epochs[2] = ring.next_epoch(2).box
    sealed = sealed_by_many(store)

    ring.prepare(one.stream_id for one in sealed)

    assert store.data_keys[sealed[0].stream_id][0] == 2
    assert ring.open(sealed[0]) == sealed[0].stream_id.hex
    assert store.looks == 1


def test_keys_that_were_being_read_when_an_erasure_was_noticed_are_not_kept() -> None:
    class Erasing(MemoryKeyStore):
        def find_data_keys(self, owner_ids: Sequence[UUID]) -> dict[UUID, tuple[int, bytes]]:
            found = super().find_data_keys(owner_ids)
            self.data_keys.clear()
            ring.noticed(1)
            return found

    store = Erasing()
    sealed = sealed_by_many(store)
    ring = keyring_on(store)

    ring.prepare(one.stream_id for one in sealed)

    with pytest.raises(ContentErasedError):
        ring.open(sealed[0])
