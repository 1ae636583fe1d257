"""A headless Chromium for the pages. These tests run where Playwright and a Chromium are installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.http.conftest import new_database, start_server

__all__ = ["new_database", "start_server"]

_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser, without its sandbox for root, who has none.

    It is closed with its module: until then its event loop runs, and no command could have one.
    """
    driver = pytest.importorskip("playwright.sync_api", reason="pip install -e '.[browser]' brings it")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    flags = [*_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A fresh page; its test fails when a script of ours does, or asks for anything elsewhere."""
    made = chromium.new_page(viewport={"width": 1000, "height": 800})
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on(
        "console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None
    )
    made.on(
        "request",
        lambda asked: (
            None if "127.0.0.1" in asked.url or asked.url.startswith("data:") else wrong.append(asked.url)
        ),
    )
    yield made
    made.close()
    assert wrong == []
