"""Files that would be far larger in memory: each is read by a process of its own, whose peak is looked at."""

from __future__ import annotations

import gzip
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.given_files import END, HEAD, answer, conversation, file_of, prompt
from tests.support.tree import ROOT

pytestmark = pytest.mark.slow

MOST_MIB = 300
"""An interpreter with the product takes 50; a conversation may take 96, and is put together of its parts."""

_READ = r"""
import json, re, resource, sys
from pathlib import Path
from tests.support.given_files import Desk
found = Desk(Path(sys.argv[1]).parent).give_file(Path(sys.argv[1]))
status = Path("/proc/self/status")
if status.exists():  # what Linux says of usage begins with that of the process which forked this one
    peak = int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) // 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024**2
print(json.dumps([found.new_count, [one.reason for one in found.left_out], peak]))
"""


def packed(path: Path, line: bytes) -> None:
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(file_of(HEAD, conversation(), prompt(), line, conversation(number=2), prompt(21)))
        file.write(file_of(answer(22, 21), END))


def bare(path: Path, line: bytes) -> None:
    path.write_bytes(file_of(HEAD, conversation(), prompt(), line, conversation(number=2), prompt(21)))
    with path.open("ab") as file:
        file.write(file_of(answer(22, 21), END))


def _message(field: str, value: bytes) -> bytes:
    return json.dumps(answer()).encode()[:-1] + b', "' + field.encode() + b'": ' + value + b"}\n"


def unknown_objects(path: Path) -> None:
    bare(path, _message("strange", b"[" + b"{}," * 7_000_000 + b"{}]"))


def options_of_lists(path: Path) -> None:
    bare(path, _message("options", b'{"a": [' + b"[]," * 7_000_000 + b"[]]}"))


def options_in_every_line(path: Path) -> None:
    """Lines that are small enough each; their objects together would take two gigabytes."""
    options = b'{"a": [' + b"{}," * 80_000 + b"{}]}"
    lines = [file_of(HEAD, conversation(count=301), prompt())]
    for number in range(300):
        line = json.dumps(answer(1_000 + number, provenance={"model": "m", "options": 0})).encode()
        lines.append(line.replace(b'"options": 0', b'"options": ' + options) + b"\n")
    path.write_bytes(b"".join(lines) + file_of(conversation(number=2), prompt(21), answer(22, 21), END))


def many_names(path: Path) -> None:
    names = b",".join(b'"%07x":1' % number for number in range(1_900_000))
    bare(path, b'{"type":"message",' + names + b"}\n")


def many_tags(path: Path) -> None:
    tags = b",".join(b'"%05x"' % number for number in range(2_500_000))
    bare(path, b'{"type":"conversation","tags":[' + tags + b"]}\n")


def wide_letters(path: Path) -> None:
    bare(path, _message("text", b'"' + "\N{GRINNING FACE}".encode() + b"a" * 24_000_000 + b'"'))


def objects_in_gzip(path: Path) -> None:
    packed(path, _message("strange", b"[" + b"{}," * 7_000_000 + b"{}]"))


def shared_fragments(path: Path) -> None:
    logs = sqlite3.connect(path)
    logs.executescript(
        "create table responses (id, model, prompt, system, options_json, response, conversation_id, "
        "duration_ms, datetime_utc, input_tokens, output_tokens);"
        "create table conversations (id, name);"
        "create table fragments (id integer primary key, content);"
        'create table prompt_fragments (response_id, fragment_id, "order");'
        'create table system_fragments (response_id, fragment_id, "order");'
    )
    logs.execute("insert into fragments values (1, ?)", ("x" * 1_500_000,))
    for number in range(40):
        told: tuple[Any, ...] = (f"r{number}", "m", "p", "", "{}", "a", "c", 1, "2024-01-01T00:00:00", 1, 1)
        logs.execute("insert into responses values (?,?,?,?,?,?,?,?,?,?,?)", told)
        for table in ("prompt_fragments", "system_fragments"):
            rows = [(f"r{number}", 1, place) for place in range(20)]
            logs.executemany(f"insert into {table} values (?,?,?)", rows)
    logs.commit()
    logs.close()


@pytest.mark.parametrize(
    "made",
    [
        unknown_objects,
        options_of_lists,
        options_in_every_line,
        many_names,
        many_tags,
        wide_letters,
        objects_in_gzip,
        shared_fragments,
    ],
)
def test_what_is_large_in_memory_alone_is_left_out(tmp_path: Path, made: Callable[[Path], None]) -> None:
    path = tmp_path / "given"
    made(path)
    read = subprocess.run(
        [sys.executable, "-c", _READ, str(path)], cwd=ROOT, check=True, capture_output=True, timeout=120
    )
    new_count, reasons, peak = json.loads(read.stdout)
    given_up = made in {shared_fragments, objects_in_gzip, options_in_every_line}
    assert new_count == (0 if given_up else 1), reasons
    assert reasons
    assert peak < MOST_MIB
