"""The configuration file: what is refused, and that nothing is half-written."""

from pathlib import Path

import pytest

from bootstrap.settings import DEFINITIONS, Settings
from domain.errors import InvalidInputError


def settings_in(home: Path) -> Settings:
    return Settings({"DAYBOOK_HOME": str(home)})


@pytest.mark.parametrize("value", ["abc", "", "0", "-1", "nan", "inf"])
def test_a_number_that_is_none_is_not_written(tmp_path: Path, value: str) -> None:
    with pytest.raises(InvalidInputError, match="nothing was changed"):
        settings_in(tmp_path).remember("context_length", value)
    assert list(tmp_path.iterdir()) == []


def test_what_is_remembered_is_found_and_what_is_forgotten_is_not(tmp_path: Path) -> None:
    settings_in(tmp_path).remember("model", "other:1b")
    settings_in(tmp_path).remember("stall_timeout", "7.5")
    assert settings_in(tmp_path).get("model") == "other:1b"
    assert settings_in(tmp_path).number("stall_timeout") == 7.5
    assert settings_in(tmp_path).forget("model")
    assert not settings_in(tmp_path).forget("model")
    assert settings_in(tmp_path).find("model").origin == "default"
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


def test_a_file_that_cannot_be_written_is_told_as_such(tmp_path: Path) -> None:
    settings_in(tmp_path).remember("model", "other:1b")
    (tmp_path / "config.new").mkdir()
    with pytest.raises(InvalidInputError, match="cannot be written"):
        settings_in(tmp_path).forget("model")
    assert settings_in(tmp_path).get("model") == "other:1b"


def test_every_default_of_a_number_is_one(tmp_path: Path) -> None:
    numeric = [definition.key for definition in DEFINITIONS if definition.numeric]
    assert numeric
    for key in numeric:
        assert settings_in(tmp_path).number(key) > 0
