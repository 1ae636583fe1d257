"""The secrets of a Compose installation."""

import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bootstrap.first_secrets import main, make
from infrastructure.crypto import master_key
from infrastructure.proofs.kept import Kept


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / name for name in ("keys", "database", "application")]
    for folder in made:
        folder.mkdir()
    return made


def contents(folders: list[Path]) -> dict[str, str]:
    return {f"{folder.name}/{path.name}": path.read_text() for folder in folders for path in folder.iterdir()}


def test_secrets_are_made_once(folders: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    keys, database, application = folders
    assert main([*map(str, folders), "db"]) == 0
    before = contents(folders)
    assert set(before) == {
        "keys/master-key",
        "keys/token",
        "database/password",
        "database/url",
        "application/url",
    }
    assert len(master_key.from_text(before["keys/master-key"], where="test")) == 32
    assert len(before["keys/token"].strip()) >= 40
    password = before["database/password"].strip()
    assert before["database/url"].strip() == f"postgresql://daybook:{password}@db:5432/daybook"
    assert stat.S_IMODE((keys / "master-key").stat().st_mode) == 0o400
    assert stat.S_IMODE((application / "url").stat().st_mode) == 0o400
    assert stat.S_IMODE((database / "password").stat().st_mode) == 0o444

    assert make(keys, database, application, "elsewhere") == []
    assert contents(folders) == before
    shown = capsys.readouterr().out
    assert all(secret.strip() not in shown for secret in before.values())


def test_the_application_s_password_is_not_the_owner_s(folders: list[Path]) -> None:
    make(folders[0], folders[1], folders[2], "db")
    name, password = urlsplit((folders[2] / "url").read_text().strip()).netloc.split("@")[0].split(":")
    assert name == "daybook_app"
    assert len(password) == 48
    assert password not in (folders[1] / "url").read_text()


def test_an_installation_from_before_there_were_two_gets_the_second(folders: list[Path]) -> None:
    make(folders[0], folders[1], folders[2], "db")
    before = contents(folders)
    (folders[2] / "url").unlink()

    assert make(folders[0], folders[1], folders[2], "db") == [folders[2] / "url"]
    assert {**contents(folders), "application/url": ""} == {**before, "application/url": ""}


def test_the_key_that_signs_checkpoints_is_made_once_in_the_home(
    folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    arguments = [*map(str, folders), "db", str(home)]

    assert main(arguments) == 0
    made = Kept(home).secret()
    assert made is not None
    assert f"made {Kept(home).key_file}" in capsys.readouterr().out
    assert stat.S_IMODE(Kept(home).key_file.stat().st_mode) == 0o600

    assert main(arguments) == 0
    assert Kept(home).secret() == made
    assert capsys.readouterr().out == ""


def test_without_its_arguments_it_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("secret", ["master-key", "token"])
def test_one_is_printed_for_who_keeps_it_elsewhere(secret: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([secret]) == main([secret]) == 0
    first, second = capsys.readouterr().out.split()
    assert first != second
    assert len(first) > 40
    if secret == "master-key":
        assert master_key.from_text(first, where="there")
