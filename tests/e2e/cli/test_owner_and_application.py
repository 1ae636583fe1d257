"""The owner migrates, the application works: what `daybook db` says of the two, and what it warns of."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from infrastructure.simulator.server import RunningSimulator
from tests.integration.roles.conftest import Cluster, cluster
from tests.support.cli_process import Daybook

__all__ = ["cluster"]

Install: TypeAlias = Callable[[str | None], tuple[Daybook, Daybook]]


@pytest.fixture(scope="module")
def installed(
    cluster: Cluster, cli_simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory
) -> Install:
    """Return a function that sets up an empty database: as its owner, and as the application."""

    def install(owner: str | None) -> tuple[Daybook, Daybook]:
        name = cluster.database(owner)
        application = Daybook(
            {
                "DAYBOOK_HOME": str(tmp_path_factory.mktemp("home")),
                "DAYBOOK_DATABASE_URL": cluster.url_of(name, cluster.name()),
                "DAYBOOK_OLLAMA_URL": cli_simulator.url,
            }
        )
        return application.with_settings(DAYBOOK_OWNER_DATABASE_URL=cluster.url_of(name, owner)), application

    return install


def test_the_owner_migrates_and_the_application_does_all_the_rest(
    installed: Install,
) -> None:
    owner, application = installed(None)
    assert "daybook db migrate makes it" in owner("ask", "Is there a book?", expect=6).err

    done = owner("db", "migrate", "--json").json

    assert (done["warnings"], done["log_protection"]) == ([], "login")
    assert len(done["applied"]) > 4
    application("ask", "What is planted here?")
    application("ask", "And there?")
    application("erase", "@last", "--yes")
    application("keys", "rotate")
    application("projections", "rebuild", "--all")
    assert application("projections", "verify", "--json").json["ok"]
    assert len(application("list", "--as-of", "now", "--json").json["conversations"]) == 2
    application("show", application("list", "--json").json["conversations"][-1]["id"], "--as-of", "now")
    assert application("replay", "--last", "1", "--json").json["identical_count"] == 1
    application("audit", "checkpoint")
    assert application("audit", "verify", "--json").json["ok"]
    assert application("db", "status", "--json").json["log_protection"] == "login"
    assert "its login has no right to change it" in application("db", "status").out
    checks = {check["name"]: check for check in application("doctor", "--json").json["checks"]}
    assert checks["log rights"]["ok"]
    assert "Nothing to do" in application("db", "migrate").err
    assert "Nothing to do" in owner("db", "migrate").err


def test_the_application_makes_backups_and_the_owner_restores_them(
    installed: Install, tmp_path: Path
) -> None:
    owner, application = installed(None)
    owner("db", "migrate")
    asked = application("ask", "--json", "What comes back?").json
    file = str(tmp_path / "book.daybook")
    application("backup", file)

    new_owner, new_application = installed(None)
    home = {"DAYBOOK_HOME": application.settings["DAYBOOK_HOME"]}
    new_owner, new_application = (one.with_settings(**home) for one in (new_owner, new_application))
    assert "daybook db migrate" in new_application("restore", file, expect=None).err
    new_owner("restore", file)

    assert "What comes back?" in new_application("show", asked["conversation_id"]).out
    assert new_application("db", "status", "--json").json["log_protection"] == "login"
    assert new_application("audit", "verify", "--json").json["ok"]
    new_application("ask", "And goes on?")
    third_owner, third = (one.with_settings(**home) for one in installed(None))
    third_owner("db", "migrate")
    refused = third("restore", file, expect=4)
    assert "does not own the log" in refused.err
    assert "DAYBOOK_OWNER_DATABASE_URL" in refused.err


def test_an_owner_without_an_application_is_no_installation(
    installed: Install,
) -> None:
    owner, _ = installed(None)
    alone = {name: value for name, value in owner.settings.items() if name != "DAYBOOK_DATABASE_URL"}
    told = Daybook(alone)("db", "migrate", expect=2).err
    assert "DAYBOOK_DATABASE_URL is not" in told


def test_one_login_gives_its_right_up(empty_daybook: Daybook) -> None:
    assert empty_daybook("db", "status", "--json").json["log_protection"] == "role"
    assert "gives up its login's right" in empty_daybook("db", "status").out
    assert "gives up its login's right" in empty_daybook("doctor", expect=None).out


@pytest.mark.slow
def test_where_no_role_can_be_made_everybody_is_told_and_it_works(
    cluster: Cluster, installed: Install
) -> None:
    login = cluster.login()
    owner, _ = installed(login)
    daybook = owner.with_settings(
        DAYBOOK_DATABASE_URL=owner.settings["DAYBOOK_OWNER_DATABASE_URL"],
        DAYBOOK_OWNER_DATABASE_URL="",
        DAYBOOK_LISTEN="127.0.0.1:0",
    )

    ran = daybook("db", "migrate", "--json")

    [warning] = ran.json["warnings"]
    assert ran.json["log_protection"] == "none"
    assert warning in ran.err
    assert f'to "{login}";' in warning
    daybook("ask", "Does it work?")
    assert daybook("db", "status", "--json").json["log_protection"] == "none"
    assert "open to the application" in daybook("db", "status").out
    told = daybook("doctor", expect=None).out
    assert "the application connects as the log's owner" in told
    serving = daybook.begin("serve", bufsize=1, text=True)
    with contextlib.ExitStack() as stack:
        stack.callback(serving.kill)
        assert serving.stderr is not None
        said = []
        while not said or "listens" not in said[-1]:
            said.append(serving.stderr.readline())
            assert said[-1], said
        serving.terminate()
        said += serving.communicate(timeout=30)[1].splitlines()
    assert sum("the application connects as the log's owner" in line for line in said) == 1
