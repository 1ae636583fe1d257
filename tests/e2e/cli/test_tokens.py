"""`daybook token` and `daybook link`, as they are typed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.cli_process import Daybook


@pytest.fixture(scope="module")
def daybook(new_cli: Callable[[], Daybook]) -> Daybook:
    return new_cli()


def test_a_token_is_made_listed_and_revoked_and_the_log_says_so(daybook: Daybook) -> None:
    made = daybook("token", "create", "laptop", "--scope", "read", "-s", "audit", "--expires", "90d")
    assert made.out.startswith("daybook_")
    assert made.out.count("\n") == 1
    assert "not shown again" in made.err
    listed = daybook("token", "list").out
    assert "laptop" in listed
    assert "read audit" in listed
    assert "not yet" in listed
    assert made.out.strip() not in daybook("token", "list", "--json").out
    assert "Revoked: laptop" in daybook("token", "revoke", "laptop").err
    assert "laptop" not in daybook("token", "list").out
    assert "revoked" in daybook("token", "list", "--all").out
    kinds = [event["type"] for event in daybook.events()]
    assert kinds[-2:] == ["token.created", "token.revoked"]


def test_json_holds_what_scripts_need(daybook: Daybook) -> None:
    made = daybook("token", "create", "script", "--json").json
    assert made["token"].startswith("daybook_")
    assert (made["name"], made["scopes"], made["expires_at"]) == ("script", ["ask"], None)
    [listed] = [one for one in daybook("token", "list", "--json").json["tokens"] if one["id"] == made["id"]]
    assert (listed["state"], listed["kind"], listed["used_at"]) == ("live", "token", None)
    assert listed["acts_as"] == made["id"].replace("-", "")
    assert "token" not in listed
    assert daybook("token", "revoke", made["id"][-8:], "--json").json["id"] == made["id"]
    again = daybook("token", "revoke", made["id"])
    assert "Had ended before" in again.err


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("create", "x", "--scope", "write"), 2, "'write' is no scope"),
        (("create", "x", "--expires", "soon"), 2, "no time to end"),
        (("create", "x", "--expires", "2020-01-01"), 2, "has passed"),
        (("create", "  "), 2, "name is empty"),
        (("revoke", "nobody"), 3, "no token and no session"),
        (("revoke", "deadbeef"), 3, "daybook token list"),
    ],
)
def test_what_cannot_be_is_told_with_a_next_step(
    daybook: Daybook, args: tuple[str, ...], code: int, told: str
) -> None:
    size = daybook.log_size()
    assert told in daybook("token", *args, expect=code).err
    assert daybook.log_size() == size


def test_a_name_that_is_taken_is_refused(daybook: Daybook) -> None:
    daybook("token", "create", "twice")
    refused = daybook("token", "create", "twice", expect=4)
    assert "already" in refused.err
    assert "daybook token revoke" in refused.err
    daybook("token", "revoke", "twice")
    daybook("token", "create", "twice")


def test_a_link_leads_to_where_the_server_is_reached(daybook: Daybook) -> None:
    assert daybook("link").out.startswith("http://127.0.0.1:8484/sign-in?code=link_")
    everywhere = daybook.with_settings(DAYBOOK_LISTEN="0.0.0.0:9000")
    assert everywhere("link").out.startswith("http://127.0.0.1:9000/sign-in?")
    public = daybook.with_settings(DAYBOOK_PUBLIC_URL="https://book.example.org/")
    made = public("link", "--scope", "read", "--minutes", "3", "--expires", "12h", "--json").json
    assert made["url"].startswith("https://book.example.org/sign-in?code=link_")
    assert made["scopes"] == ["read"]
    assert made["expires_at"] < made["session_expires_at"]
    states = {one["id"]: one["state"] for one in daybook("token", "list", "--json").json["tokens"]}
    assert states[made["id"]] == "link"
    assert "Revoked: session" in daybook("token", "revoke", made["id"]).err


def test_without_an_address_there_is_no_link(daybook: Daybook) -> None:
    refused = daybook.with_settings(DAYBOOK_LISTEN="127.0.0.1:0")("link", expect=2)
    assert "DAYBOOK_PUBLIC_URL" in refused.err
    assert "127.0.0.1:0" not in daybook("audit", "log").out


def test_a_proxy_that_is_no_address_is_refused(daybook: Daybook) -> None:
    wrong = daybook.with_settings(DAYBOOK_TRUSTED_PROXIES="proxy.lan", DAYBOOK_LISTEN="127.0.0.1:0")
    refused = wrong("serve", expect=2)
    assert "DAYBOOK_TRUSTED_PROXIES must be addresses or networks" in refused.err
