"""The configuration file: what is refused, and that nothing is half-written."""

from pathlib import Path

import pytest

from bootstrap.host import ProcessHost
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


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("home", "books/mine"),
        ("home", "~nobody-of-that-name/book"),
        ("model", " "),
        ("context_length", "8192.5"),
        ("listen", "8484"),
        ("ollama_url", "ftp://somewhere"),
        ("public_url", "book.example.org"),
        ("public_url", "https://book:port"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_when_written_and_when_used(
    tmp_path: Path, key: str, value: str
) -> None:
    file = tmp_path / "config.toml"
    settings = Settings({"DAYBOOK_CONFIG": str(file)})
    with pytest.raises(InvalidInputError, match="nothing was changed") as refused:
        settings.remember(key, value)
    assert refused.value.hint.startswith(f"daybook config set {key}")
    assert not file.exists()

    file.write_text(f'{key} = "{value}"\n')
    with pytest.raises(InvalidInputError) as unusable:
        settings.get(key)
    assert unusable.value.hint == f"daybook config unset {key}"
    assert settings.find(key).value == value

    if value.strip():
        variable = settings.find(key).definition.variables[0]
        with pytest.raises(InvalidInputError) as from_environment:
            Settings({variable: value, "DAYBOOK_CONFIG": str(file)}).get(key)
        assert from_environment.value.hint == f"unset {variable}"


def test_a_home_may_begin_with_a_tilde_and_holds_its_configuration_there() -> None:
    settings = settings_in(Path("~/book"))
    assert settings.home == Path.home() / "book"
    assert settings.config_file == Path.home() / "book" / "config.toml"


def test_an_unknown_setting_is_refused_shown_and_can_be_taken_out(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('modell = "x"\nmodel = "y"\n')
    with pytest.raises(InvalidInputError, match="'modell'") as refused:
        settings_in(tmp_path).get("model")
    assert refused.value.hint == "daybook config unset modell"

    # A database that cannot be, so that the doctor starts none.
    host = ProcessHost(
        Settings({"DAYBOOK_HOME": str(tmp_path), "DAYBOOK_DATABASE_URL": "postgresql://[nowhere"})
    )
    assert [(one.key, one.value) for one in host.settings()][-1] == ("modell", "(unknown)")
    first, *others = host.doctor()
    assert (first.ok, first.fix) == (False, "daybook config unset modell")
    assert "model server" in {one.name for one in others}
    assert host.forget("modell")
    assert settings_in(tmp_path).get("model") == "y"
    with pytest.raises(InvalidInputError, match="no setting"):
        host.forget("modell")


def test_a_file_that_is_not_toml_is_told_with_its_line_and_a_way_out(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("model = \n")
    with pytest.raises(InvalidInputError, match=r"line 1.*[Ee]dit the file") as refused:
        settings_in(tmp_path).get("model")
    assert refused.value.hint == f"mv {file} {file}.old"


def test_a_configuration_file_that_is_named_must_exist_unless_it_is_being_made(tmp_path: Path) -> None:
    file = tmp_path / "none.toml"
    with pytest.raises(InvalidInputError, match=r"none\.toml, which does not exist"):
        Settings({"DAYBOOK_CONFIG": str(file)}).get("model")
    Settings({"DAYBOOK_CONFIG": str(file)}).remember("model", "m")
    assert Settings({"DAYBOOK_CONFIG": str(file)}).get("model") == "m"


def test_a_secret_in_a_file_that_is_not_there_is_told_in_plain_words(tmp_path: Path) -> None:
    settings = Settings({"DAYBOOK_HOME": str(tmp_path), "DAYBOOK_TOKEN_FILE": "/none"})
    with pytest.raises(InvalidInputError, match="/none, which cannot be read: it does not exist") as refused:
        settings.get("token")
    assert refused.value.hint == "unset DAYBOOK_TOKEN_FILE"
