"""The page in a real browser: asking, streaming, stopping, coming back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infrastructure.simulator.options import SimulatorOptions
from infrastructure.simulator.server import RunningSimulator
from tests.support.grants import link
from tests.support.http_server import RunningServer

StartServer = Callable[..., RunningServer]

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    """A model that is slow enough to be watched."""
    with RunningSimulator(SimulatorOptions(rate=60)) as running:
        yield running


def _ask(page: Any, text: str) -> None:
    page.fill("#text", text)
    page.press("#text", "Enter")


def _ended(page: Any) -> Any:
    page.wait_for_selector(".answer:not(.live) .prose:not(.raw) p", timeout=60_000)
    return page.locator(".answer").last


def test_a_question_is_asked_streamed_and_shown(page: Any, start_server: StartServer) -> None:
    page.goto(start_server().url)
    _ask(page, "Write **code** <b>now</b>")

    page.wait_for_selector(".answer.live .prose.raw:not(:empty)", timeout=60_000)
    assert page.locator("#stop").is_visible()
    answer = _ended(page)

    assert page.locator(".prompt .said").inner_text() == "Write **code** <b>now</b>"
    assert "simulator" in answer.inner_text()
    assert answer.locator("details.thinking").count() == 1
    assert "/conversations/" in page.url
    assert page.locator("#text").input_value() == ""


def test_a_reload_in_the_middle_loses_nothing(page: Any, start_server: StartServer) -> None:
    page.goto(start_server().url)
    _ask(page, "Tell me a long story")
    page.wait_for_selector(".answer.live .prose.raw:not(:empty)", timeout=60_000)

    page.reload()
    page.wait_for_selector(".answer.live", timeout=60_000)
    answer = _ended(page).inner_text()
    page.reload()

    again = page.locator(".answer .prose").inner_text()
    assert again
    assert again in answer


def test_escape_stops_the_answer_and_keeps_what_came(page: Any, start_server: StartServer) -> None:
    page.goto(start_server().url)
    _ask(page, "Tell me a long story")
    page.wait_for_selector(".answer.live .prose.raw:not(:empty)", timeout=60_000)

    page.keyboard.press("Escape")
    answer = _ended(page)

    assert "cancelled" in answer.locator(".who").inner_text()
    assert answer.locator(".prose").inner_text()


def test_the_conversation_goes_on_and_is_listed(page: Any, start_server: StartServer) -> None:
    url = start_server().url
    page.goto(url)
    _ask(page, "First")
    _ended(page)
    _ask(page, "Second")
    page.locator(".answer:not(.live) .prose:not(.raw)").nth(1).wait_for(timeout=60_000)

    page.goto(url)
    line = page.locator(".lately li")
    assert line.count() == 1
    assert "4 messages" in line.inner_text()
    line.locator("a").click()
    page.wait_for_selector(".prompt")
    assert [one.inner_text() for one in page.locator(".prompt .said").all()] == ["First", "Second"]


def test_a_server_that_went_away_is_told_and_the_text_stays(page: Any, start_server: StartServer) -> None:
    server = start_server()
    page.goto(server.url)
    page.fill("#text", "Keep me")
    server.__exit__(None, None, None)
    page.press("#text", "Enter")

    page.wait_for_selector("#problem:not([hidden])")
    assert "cannot be reached" in page.locator("#problem").inner_text()
    assert page.locator("#text").input_value() == "Keep me"


def test_a_missing_model_is_pulled_from_the_page(page: Any, start_server: StartServer) -> None:
    with RunningSimulator(SimulatorOptions(rate=0, models=(), pull_seconds=2.0)) as bare:
        page.goto(start_server(settings={"DAYBOOK_OLLAMA_URL": bare.url}).url)
        page.click("#pull")
        page.wait_for_selector("#pulling:not([hidden]) progress[value]", timeout=20_000)
        page.wait_for_selector("#state-model.well", timeout=20_000)

    assert page.locator("#notice").is_hidden()


def test_a_question_waits_for_a_model_that_is_on_its_way(page: Any, start_server: StartServer) -> None:
    with RunningSimulator(SimulatorOptions(rate=0, models=(), pull_seconds=4.0)) as bare:
        page.goto(start_server(settings={"DAYBOOK_OLLAMA_URL": bare.url, "DAYBOOK_PULL": "on"}).url)
        page.wait_for_selector("#pulling:not([hidden]) progress[value]", timeout=20_000)
        page.fill("#text", "Are you there yet?")
        page.press("#text", "Enter")
        page.wait_for_selector(".live .who:has-text('waiting for the model deepseek-r1:8b')", timeout=20_000)
        page.wait_for_selector("text=simulator", timeout=20_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_is_wider_than_the_window(
    chromium: Any, start_server: StartServer, scheme: str, width: int
) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    try:
        page.goto(start_server().url)
        _ask(page, "x" * 400)
        _ended(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    finally:
        page.close()


def test_a_browser_is_signed_in_by_a_link_and_out_by_the_button(page: Any, start_server: StartServer) -> None:
    server = start_server(token="x" * 40)
    page.goto(server.url)
    assert page.locator("#sign-in code").first.inner_text() == "daybook link"
    made = link(server, "ask")
    page.goto(f"{server.url}/sign-in?code={made.secret}")
    assert page.url == f"{server.url}/"
    who = page.locator("#me").inner_text()
    assert f"Signed in as {server.book.actor[-8:]}, may read, ask; until" in who
    _ask(page, "Am I here?")
    _ended(page)

    page.click("#sign-out")

    page.wait_for_selector("#sign-in")
    assert page.context.cookies() == []
    [grant] = server.book.access.find(made.id.hex)
    assert grant.state(server.book.clock.now()) == "signed-out"


@pytest.mark.parametrize(("scope", "says"), [("read", "scope ask"), ("audit", "scope read")])
def test_what_a_session_may_not_the_page_does_not_offer(
    page: Any, start_server: StartServer, scope: str, says: str
) -> None:
    server = start_server(token="x" * 40)
    page.goto(f"{server.url}/sign-in?code={link(server, scope).secret}")
    page.wait_for_function("document.querySelector('#state-database .text').textContent.includes('event')")
    assert says in page.locator("#scope").inner_text()
    assert page.locator("#ask").is_hidden()
    assert page.locator("#notice").is_hidden()
    assert page.locator(".lately").count() == (scope == "read")
    page.click("#sign-out")
    page.wait_for_selector("#sign-in")
