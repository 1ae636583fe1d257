"""What a home keeps: a key made once, readable by its owner alone, and never replaced."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from application.errors import KeyringError
from infrastructure.proofs import signing
from infrastructure.proofs.kept import Kept
from infrastructure.proofs.signing import SigningKey

BOOK, OTHER = UUID(int=1), UUID(int=2)


def test_a_key_is_made_once(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    assert kept.secret() is None

    first = kept.make_secret()

    assert Kept(tmp_path).make_secret() == first == kept.secret()
    assert kept.key_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in kept.key_file.parent.iterdir()] == ["signing.key"]


@pytest.mark.parametrize(
    "text", ["", "nonsense", "daybook-signing-1:", "daybook-master-1:" + "A" * 44, "ä" * 44]
)
def test_what_is_no_signing_key_is_refused_and_stays(tmp_path: Path, text: str) -> None:
    kept = Kept(tmp_path)
    kept.make_secret()
    kept.key_file.write_text(text, encoding="utf-8")

    with pytest.raises(KeyringError, match="does not hold a Daybook signing key"):
        kept.make_secret()
    assert kept.key_file.read_text(encoding="utf-8") == text


def test_a_secret_is_read_with_and_without_its_prefix() -> None:
    secret = bytes(range(224, 256))

    assert signing.from_text(signing.to_text(secret) + "\n", where="x") == secret
    assert signing.from_text(signing.to_text(secret).partition(":")[2], where="x") == secret


def test_signers_and_checkpoints_are_remembered(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    verifier = SigningKey.from_secret("daybook/x", b"k" * 32).verifier
    kept.add_signer(verifier)
    kept.add_signer(verifier)
    kept.keep_checkpoint(BOOK, "newest", "one")
    kept.keep_checkpoint(BOOK, "newest", "two")

    assert kept.signers() == [verifier]
    assert (kept.checkpoint(BOOK, "newest"), kept.checkpoint(OTHER, "newest")) == ("two", None)
    assert kept.checkpoint(BOOK, "verified") is None


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file in the way")

    with pytest.raises(KeyringError, match="Nothing was"):
        Kept(tmp_path).make_secret()
