"""What a sceptic runs: trees, notes, receipts and exports are believed when they are right, and only then."""

import ast
import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infrastructure.proofs import offline
from infrastructure.proofs.offline import ProofError
from infrastructure.proofs.signing import SigningKey
from tests.support import merkle

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "proofs.json").read_text(encoding="utf-8"))
LEAVES = [offline.leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS["leaves"]]
ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]
NOTES = VECTORS["notes"]


def hashes(proof: list[str]) -> list[bytes]:
    return [bytes.fromhex(one) for one in proof]


def test_the_module_needs_cryptography_and_the_standard_library_alone_and_is_short() -> None:
    source = Path(offline.__file__).read_text(encoding="utf-8")
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }

    assert imported - set(sys.stdlib_module_names) == {"cryptography"}
    assert len([line for line in source.splitlines() if line]) < 270


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_other_implementations(size: int) -> None:
    assert offline.tree_hash(LEAVES[:size]) == ROOTS[size] == merkle.tree_hash(LEAVES[:size])


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=lambda v: f"{v['index']}-of-{v['size']}")
def test_inclusion_proofs_of_other_implementations_hold(vector: dict[str, Any]) -> None:
    index, size, proof = vector["index"], vector["size"], hashes(vector["proof"])

    offline.check_inclusion(index, size, LEAVES[index], proof, ROOTS[size])
    for wrong in (
        lambda: offline.check_inclusion(index, size, LEAVES[index + 1], proof, ROOTS[size]),
        lambda: offline.check_inclusion(index, size, LEAVES[index], [*proof, ROOTS[0]], ROOTS[size]),
        lambda: offline.check_inclusion(index, size + 8, LEAVES[index], proof, ROOTS[size]),
        lambda: offline.check_inclusion(index, size, LEAVES[index], proof, ROOTS[0]),
        lambda: offline.check_inclusion(size, size, LEAVES[index], proof, ROOTS[size]),
        lambda: offline.check_inclusion(-1, size, LEAVES[index], proof, ROOTS[size]),
    ):
        with pytest.raises(ProofError):
            wrong()


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=lambda v: f"{v['old']}-in-{v['new']}")
def test_consistency_proofs_of_other_implementations_hold(vector: dict[str, Any]) -> None:
    old, new, proof = vector["old"], vector["new"], hashes(vector["proof"])

    offline.check_consistency(old, ROOTS[old], new, ROOTS[new], proof)
    for wrong in (
        lambda: offline.check_consistency(old, ROOTS[old + 1], new, ROOTS[new], proof),
        lambda: offline.check_consistency(old, ROOTS[old], new, ROOTS[new - 1], proof),
        lambda: offline.check_consistency(old, ROOTS[old], new, ROOTS[new], [*proof, ROOTS[0]]),
        lambda: offline.check_consistency(new + 1, ROOTS[old], new, ROOTS[new], proof),
    ):
        with pytest.raises(ProofError):
            wrong()
    if proof:
        with pytest.raises(ProofError):
            offline.check_consistency(old, ROOTS[old], new, ROOTS[new], proof[:-1])


def test_the_proofs_of_the_rfc_s_example_tree_hold() -> None:
    """RFC 6962, section 2.1.3: seven leaves, whose nodes the RFC calls a to l."""
    d = LEAVES[:7]
    a, b, c, f, j = d[0], d[1], d[2], d[5], d[6]
    g, h, i = merkle.tree_hash(d[0:2]), merkle.tree_hash(d[2:4]), merkle.tree_hash(d[4:6])
    k, last = merkle.tree_hash(d[0:4]), merkle.tree_hash(d[4:7])
    root = merkle.tree_hash(d)

    for index, proof in {0: [b, h, last], 3: [c, g, last], 4: [f, j, k], 6: [i, k]}.items():
        offline.check_inclusion(index, 7, d[index], proof, root)
    for old, proof in {3: [c, d[3], g, last], 4: [last], 6: [i, j, k]}.items():
        offline.check_consistency(old, merkle.tree_hash(d[:old]), 7, root, proof)
    assert a == offline.leaf_hash(b"")


@pytest.mark.parametrize("vector", NOTES, ids=lambda v: v["key"].split("+")[0])
def test_notes_of_other_implementations_open(vector: dict[str, str]) -> None:
    key = offline.parse_key(vector["key"])

    assert offline.open_note(vector["note"], key) == vector["text"]
    for at in range(0, len(vector["text"]) - 1, 7):
        altered = vector["note"][:at] + "#" + vector["note"][at + 1 :]
        with pytest.raises(ProofError):
            offline.open_note(altered, key)


def test_a_note_is_signed_byte_for_byte_as_by_other_implementations() -> None:
    peter = NOTES[0]
    key = SigningKey("PeterNeumann", Ed25519PrivateKey.from_private_bytes(bytes.fromhex(peter["secret"])))

    assert key.verifier == peter["key"]
    assert key.sign(peter["text"]) == peter["note"]


def test_a_note_with_many_signatures_opens_with_the_key_it_knows() -> None:
    peter, example = NOTES
    line = example["note"].split("\n\n")[1]
    note = peter["note"].replace("\n\n", "\n\n" + line)

    assert offline.open_note(note, offline.parse_key(peter["key"])) == peter["text"]
    with pytest.raises(ProofError, match="is wrong"):
        offline.open_note(note, offline.parse_key(example["key"]))


@pytest.mark.parametrize(
    "note",
    ["", "text\n", "text\n\n", "text\n\n— PeterNeumann x08g", "text\n\nx\n", "a\n\n— PeterNeumann x08g\n"],
)
def test_what_is_no_note_does_not_open(note: str) -> None:
    with pytest.raises(ProofError):
        offline.open_note(note, offline.parse_key(NOTES[0]["key"]))


def test_a_mangled_key_is_refused() -> None:
    whole = NOTES[0]["key"]
    mangled = [whole[:at] + chr(ord(whole[at]) ^ 1) + whole[at + 1 :] for at in range(len(whole))]

    for key in ["", "x", "a+b", *mangled, whole[:-4], "+" + whole.split("+", 1)[1]]:
        with pytest.raises(ProofError):
            offline.parse_key(key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n5\n",
        "origin\n05\n" + base64.b64encode(ROOTS[5]).decode() + "\n",
        "origin\n-5\n" + base64.b64encode(ROOTS[5]).decode() + "\n",
        "origin\n5\nAAAA\n",
        "\n5\n" + base64.b64encode(ROOTS[5]).decode() + "\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ProofError):
        offline.parse_checkpoint(text)


def test_a_checkpoint_is_read_and_may_say_more_than_we_know() -> None:
    text = "example.com/log\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nextension\n"

    assert offline.parse_checkpoint(text)[:2] == ("example.com/log", 20852163)


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [(0, 256, "000"), (1234067, 256, "x001/x234/067"), (5, 70, "005.p/70"), (1000, 256, "x001/000")],
)
def test_tiles_have_the_paths_of_the_specification(number: int, width: int, path: str) -> None:
    assert offline.tile_path(0, number, width) == f"tile/0/{path}"
    assert offline.tile_path("entries", number, width) == f"tile/entries/{path}"
