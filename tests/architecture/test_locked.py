"""What the image installs is locked, by hashes, and is what pyproject.toml asks for."""

import re
import tomllib
from collections.abc import Mapping

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.tree import ROOT

DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("file", "asked"),
    [
        ("requirements.lock", DECLARED["project"]["dependencies"]),
        ("build-requirements.lock", DECLARED["build-system"]["requires"]),
    ],
)
def test_each_dependency_is_locked_at_a_release_that_is_asked_for(file: str, asked: list[str]) -> None:
    locked = _locked(file)
    requirements = [Requirement(line) for line in asked]

    assert [
        str(requirement)
        for requirement in requirements
        if not requirement.specifier.contains(locked.get(canonicalize_name(requirement.name), "0"))
    ] == []


@pytest.mark.parametrize("file", ["requirements.lock", "build-requirements.lock"])
def test_each_file_is_known_by_its_hash(file: str) -> None:
    pins = re.findall(r"^\S+==\S+.*?(?=^\S+==|\Z)", _text(file), re.MULTILINE | re.DOTALL)

    assert pins
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_the_image_installs_nothing_else() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    installs = re.findall(r"pip [^&\n]*install [^&\n]*", dockerfile)

    assert installs
    assert [
        line for line in installs if "--require-hashes" not in line and "--no-deps /tmp/wheel/" not in line
    ] == []


def _locked(file: str) -> Mapping[str, str]:
    pins = re.findall(r"^(\S+?)==(\S+)", _text(file), re.MULTILINE)
    return {canonicalize_name(name): release for name, release in pins}


def _text(file: str) -> str:
    return (ROOT / "deploy" / file).read_text(encoding="utf-8")
