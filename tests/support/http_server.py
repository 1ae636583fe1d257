"""A whole Daybook server for tests: real port, real database, in a thread of the test's own process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from bootstrap.container import Container
from bootstrap.host import ProcessHost
from bootstrap.serving import HttpServer, http_options, listen
from bootstrap.settings import Settings
from interfaces.http.app import create_app
from interfaces.http.options import Address

_START_SECONDS = 20.0


class RunningServer:
    """`with RunningServer(database_url, home, ollama_url) as it: it.client.get("/api/v1/…")`."""

    def __init__(
        self,
        database_url: str,
        home: Path,
        ollama_url: str,
        *,
        settings: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        self.database_url = database_url
        self._settings = Settings(
            {
                "DAYBOOK_HOME": str(home),
                "DAYBOOK_DATABASE_URL": database_url,
                "DAYBOOK_OLLAMA_URL": ollama_url,
                "DAYBOOK_LISTEN": "127.0.0.1:0",
                "DAYBOOK_TOKEN": str(options.get("token", "")),
                "DAYBOOK_MODEL_CONCURRENCY": "16",
                "DAYBOOK_TITLES": "off",
                **(settings or {}),
            }
        )
        self._options = options
        self._accepting = threading.Event()
        self._thread: threading.Thread | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **more: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, **more)

    def __enter__(self) -> Self:
        self.book: Container = ProcessHost(self._settings).open_here(lambda _: None)
        options = replace(http_options(self._settings, self.book), **self._options)
        try:
            self.app = create_app(self.book, options)
            self.book.look_after()
            self.listener = listen(Address("127.0.0.1", options.listen.port))
        except BaseException:
            self.book.close()
            raise
        self.port = self.listener.getsockname()[1]
        self.server = HttpServer(self.app, self._accepting.set)
        self._thread = threading.Thread(target=self._run, name="test-server", daemon=True)
        self._thread.start()
        assert self._accepting.wait(_START_SECONDS), "the server did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop gracefully, as SIGTERM does."""
        if self._thread is not None:
            self.server.should_exit = True
            self._thread.join(20)
            assert not self._thread.is_alive(), "the server did not stop"
            self._thread = None
            self.listener.close()
            self.book.close()

    def _run(self) -> None:
        self.server.run(sockets=[self.listener])
