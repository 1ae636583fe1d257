"""The port `ModelServer` on a real Ollama: the `ollama` client for everything but the stream of an answer.

The stream is read here, bytes first (`chat_connection.py`, `ndjson.py`): the client splits at U+0085 and
dies, and costs several times as much a token. Invariants: only our own errors leave this module; closing the
iterator closes the socket, which is what stops the model; a request is sent again only after a 503, and only
before the first byte of an answer. Proxies named in the environment are not used and redirects are not
followed: prompts go to the address that was configured or nowhere.

One adapter may be used in several event loops, one after the other or in threads: each loop has its own
connections, released by `close()` called in that loop.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from weakref import WeakKeyDictionary

from application.context import estimate_tokens
from application.errors import ContextTooLongError, ModelServerError
from application.ports.model_server import ChatEnd, ChatRequest, Delta, ModelCard, PullProgress
from infrastructure.ollama import failures
from infrastructure.ollama.address import normalise_url, shown_url
from infrastructure.ollama.chat_body import chat_body
from infrastructure.ollama.chat_connection import ChatConnection, ChatConnectionError
from infrastructure.ollama.chat_lines import NotAChatLineError, ServerSaidError, read_chat_line
from infrastructure.ollama.ndjson import LineReader, LineTooLongError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    import httpx
    import ollama

_OK, _UNAVAILABLE = 200, 503
_NUM_CTX = 4096  # Ollama's own, where a request names none
_LONGEST_ERROR = 1 << 16
_LONG_PULL_STEPS = ("verifying", "writing", "removing")


class OllamaModelServer:
    """A model server reached over HTTP in Ollama's protocol.

    `stall_timeout` bounds the silence between two pieces of an answer, `first_token_timeout` the silence
    before the first one, when the server may have to load the model and read a long prompt. `busy_delays`
    are the waits between tries while the server says that it is busy.
    """

    def __init__(
        self,
        base_url: str,
        *,
        connect_timeout: float = 5.0,
        stall_timeout: float = 300.0,
        first_token_timeout: float = 900.0,
        token: str | None = None,
        busy_delays: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
    ) -> None:
        self.url = normalise_url(base_url)
        self._shown = shown_url(self.url)
        self._connect_timeout = connect_timeout
        self._stall_timeout = stall_timeout
        self._first_token_timeout = first_token_timeout
        self._token = token
        self._busy_delays = tuple(busy_delays)
        self._http: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()
        self._ollama: WeakKeyDictionary[asyncio.AbstractEventLoop, ollama.AsyncClient] = WeakKeyDictionary()

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Delta | ChatEnd, None]:
        """Stream one answer; see the port."""
        try:
            connection = await self._open_chat(request)
        except ContextTooLongError as why:
            raise await self._measured(why, request) from None
        reader = LineReader()
        limit, waiting_for = self._first_token_timeout, "the first word of an answer"
        began = False
        try:
            while True:
                lines, more = await self._lines(connection, reader, limit, waiting_for)
                limit, waiting_for = self._stall_timeout, "the next word of an answer"
                for line in lines:
                    try:
                        delta, end = self._read(line, began=began)
                    except ContextTooLongError as why:
                        raise await self._measured(why, request) from None
                    if delta is not None:
                        began = True
                        yield delta
                    if end is not None:
                        yield end
                        return
                if not more:
                    raise failures.broken_off("the model server ended the stream before the answer was done")
        finally:
            await connection.close()

    async def _lines(
        self, connection: ChatConnection, reader: LineReader, limit: float, waiting_for: str
    ) -> tuple[list[bytes], bool]:
        """Return the lines that are there next, and whether more may come."""
        try:
            chunk = await connection.read(limit)
            return (reader.feed(chunk), True) if chunk else (reader.end(), False)
        except TimeoutError:
            raise failures.timed_out(self._shown, limit, waiting_for) from None
        except LineTooLongError as why:
            raise failures.broken_off(f"the model server sent {why}") from None
        except (OSError, ChatConnectionError) as why:
            raise failures.broken_off(f"the connection was lost ({_named(why)})") from None

    async def models(self) -> Sequence[ModelCard]:
        """Return the installed models, as `/api/tags` lists them."""
        with self._translated(""):
            async with asyncio.timeout(self._stall_timeout):
                listed = await self._ollama_client().list()
        return [
            ModelCard(
                name=model.model or "",
                digest=_plain_digest(model.digest),
                size=None if model.size is None else int(model.size),
                modified_at=None if model.modified_at is None else model.modified_at.isoformat(),
                **_details(model.details),
            )
            for model in listed.models
        ]

    async def show(self, name: str) -> ModelCard:
        """Return one model's card; the digest and the size come from `/api/tags`, which alone tells them."""
        with self._translated(name):
            async with asyncio.timeout(self._stall_timeout):
                shown = await self._ollama_client().show(name)
        wanted = _full_name(name)
        listed = next((card for card in await self.models() if _full_name(card.name) == wanted), None)
        return ModelCard(
            name=listed.name if listed else name,
            digest=listed.digest if listed else "",
            size=listed.size if listed else None,
            context_length=_context_length(shown.modelinfo or {}),
            capabilities=tuple(shown.capabilities or ()),
            modified_at=None if shown.modified_at is None else shown.modified_at.isoformat(),
            **_details(shown.details),
        )

    async def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        """Fetch a model; checking a large one is silent for long, so only the fetching is timed."""
        lines: Any = None
        limit: float | None = self._stall_timeout
        try:
            while True:
                with self._translated(name, pulling=True):
                    async with asyncio.timeout(limit):
                        if lines is None:
                            lines = await self._ollama_client().pull(name, stream=True)
                        line = await anext(lines, None)
                if line is None:
                    return
                status = line.status or ""
                limit = None if status.startswith(_LONG_PULL_STEPS) else self._stall_timeout
                yield PullProgress(status, line.digest, line.total, line.completed)
        finally:
            if lines is not None:
                await lines.aclose()

    async def embed(self, model: str, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return one vector a text. Lone surrogates cannot be sent as UTF-8 and become U+FFFD here."""
        sendable = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
        with self._translated(model):
            async with asyncio.timeout(self._first_token_timeout):
                answer = await self._ollama_client().embed(model, sendable)
        return answer.embeddings

    async def version(self) -> str:
        """Return the version the server gives itself; the `ollama` client has no call for it."""
        with self._translated(""):
            response = await self._http_client().get("/api/version", timeout=self._connect_timeout)
            if response.status_code != _OK:
                raise failures.from_status(response.status_code, response.text, "", self._shown)
            answer = response.json()
        if not isinstance(answer, dict) or "version" not in answer:
            raise failures.not_ollama(self._shown, "it does not tell its version")
        return str(answer["version"])

    async def close(self) -> None:
        """Release the connections of the running event loop; the adapter stays usable."""
        loop = asyncio.get_running_loop()
        http, client = self._http.pop(loop, None), self._ollama.pop(loop, None)
        if http is not None:
            await http.aclose()
        if client is not None:
            await client.close()  # type: ignore[no-untyped-call]

    async def _open_chat(self, request: ChatRequest) -> ChatConnection:
        """Send the request, again after each 503, and return the connection with its body still to read."""
        body = chat_body(request)
        for delay in (*self._busy_delays, None):
            connection = await self._connect()
            status = 0
            try:
                connection.send(self._path, self._headers, body)
                status = await connection.head(self._first_token_timeout)
                text = "" if status == _OK else await self._error_body(connection)
            except TimeoutError:
                raise failures.timed_out(
                    self._shown, self._first_token_timeout, "the first word of an answer"
                ) from None
            except (OSError, ChatConnectionError) as why:
                raise failures.broken_off(
                    f"the connection was lost before its first word ({_named(why)})"
                ) from None
            finally:
                if status != _OK:
                    await connection.close()
            if status == _OK:
                return connection
            if status != _UNAVAILABLE:
                raise failures.from_status(status, text, request.model, self._shown)
            if delay is not None:
                await asyncio.sleep(delay)
        raise failures.overloaded(len(self._busy_delays) + 1)

    async def _connect(self) -> ChatConnection:
        import ssl

        parts = urlsplit(self.url)
        secure = ssl.create_default_context() if parts.scheme == "https" else None
        try:
            async with asyncio.timeout(self._connect_timeout):
                _, connection = await asyncio.get_running_loop().create_connection(
                    ChatConnection, parts.hostname or "", parts.port or 0, ssl=secure
                )
        except OSError as why:
            raise failures.unreachable(self._shown, why, asked=True) from None
        return connection

    @cached_property
    def _path(self) -> str:
        return f"{urlsplit(self.url).path}/api/chat"

    @cached_property
    def _headers(self) -> dict[str, str]:
        headers = {
            "host": urlsplit(self.url).netloc.rpartition("@")[2],
            "content-type": "application/json",
            "accept": "application/x-ndjson",
            "accept-encoding": "identity",
            "user-agent": "daybook",
        }
        return {**headers, "authorization": self._credentials} if self._credentials else headers

    async def _measured(self, error: ContextTooLongError, request: ChatRequest) -> ContextTooLongError:
        """Tell how much too long a request was; what the model itself can take is asked for, in short."""
        own: int | None = None
        with contextlib.suppress(TimeoutError, ModelServerError):
            async with asyncio.timeout(self._connect_timeout):
                own = (await self.show(request.model)).context_length
        estimate = sum(estimate_tokens(message.content) for message in request.messages)
        return failures.measured(error, estimate, int(request.options.get("num_ctx") or _NUM_CTX), own)

    async def _error_body(self, connection: ChatConnection) -> str:
        body = b""
        with contextlib.suppress(OSError, ChatConnectionError):
            while (piece := await connection.read(self._connect_timeout)) and len(body) < _LONGEST_ERROR:
                body += piece
        return body.decode("utf-8", "replace")

    def _read(self, line: bytes, *, began: bool) -> tuple[Delta | None, ChatEnd | None]:
        try:
            return read_chat_line(line)
        except ServerSaidError as why:
            raise failures.stream_error(str(why), began=began) from None
        except NotAChatLineError:
            if not began:
                raise failures.not_ollama(
                    self._shown, "it answered with something else than JSON lines"
                ) from None
            raise failures.broken_off(
                "the model server sent something that is not part of an answer"
            ) from None

    def _http_client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        client = self._http.get(loop)
        if client is None:
            import httpx

            client = self._http[loop] = httpx.AsyncClient(
                base_url=self.url, headers={"content-type": "application/json"}, **self._client_options()
            )
        return client

    def _ollama_client(self) -> ollama.AsyncClient:
        loop = asyncio.get_running_loop()
        client = self._ollama.get(loop)
        if client is None:
            import ollama

            options = self._client_options()
            client = self._ollama[loop] = ollama.AsyncClient(self.url, **options)
        return client

    def _client_options(self) -> dict[str, Any]:
        """Return what both clients share: our own read timeouts, no proxy, no redirect, our token only."""
        import ssl

        import httpx

        return {
            # Loading the machine's certificates takes 25 ms, and plain http needs none of them.
            "verify": True if self.url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            "timeout": httpx.Timeout(None, connect=self._connect_timeout, write=self._stall_timeout),
            "limits": httpx.Limits(max_connections=None, max_keepalive_connections=20),
            "follow_redirects": False,
            "trust_env": False,
            # The `ollama` client sends OLLAMA_API_KEY, a key to somebody else's cloud, to any server.
            "auth": self._authorise,
        }

    def _authorise(self, request: httpx.Request) -> httpx.Request:
        request.headers["accept-encoding"] = "identity"
        if self._credentials:
            request.headers["authorization"] = self._credentials
        else:
            request.headers.pop("authorization", None)
        return request

    @cached_property
    def _credentials(self) -> str:
        """What to send as `Authorization`; nothing where there is neither a token nor a name in the URL."""
        if self._token:
            return f"Bearer {self._token}"
        parts = urlsplit(self.url)
        if not (parts.username or parts.password):
            return ""
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    @contextlib.contextmanager
    def _translated(self, model: str, *, pulling: bool = False) -> Iterator[None]:
        """Turn what the `ollama` client, httpx and pydantic raise into our own errors."""
        import httpx

        try:
            yield
        except ModelServerError:
            raise
        except (ConnectionError, httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as why:
            raise failures.unreachable(self._shown, why) from None
        except (TimeoutError, httpx.TimeoutException):
            raise failures.timed_out(self._shown, self._stall_timeout, "an answer") from None
        except httpx.HTTPError as why:
            raise ModelServerError(
                f"The connection to the model server at {self._shown} was lost ({_named(why)}).",
                hint="daybook doctor",
            ) from None
        except ValueError as why:  # bad JSON, or JSON of another shape: pydantic's errors are ValueErrors
            raise failures.not_ollama(self._shown, _named(why)) from None
        except Exception as why:  # noqa: BLE001 - the client's own class cannot be named before its import
            raise self._from_client(why, model, pulling=pulling) from None

    def _from_client(self, why: Exception, model: str, *, pulling: bool) -> Exception:
        import ollama

        if not isinstance(why, ollama.ResponseError):
            return why
        if why.status_code >= _OK and not pulling:
            return failures.from_status(why.status_code, json.dumps({"error": why.error}), model, self._shown)
        if "manifest" in why.error and ("not exist" in why.error or "not found" in why.error):
            return failures.not_in_library(model, why.error)
        return ModelServerError(
            f"Pulling “{model}” failed: the model server said “{why.error}”. What was fetched is kept "
            "there; pulling again goes on from it.",
            hint=f"daybook models pull {model}",
        )


def _named(why: Exception) -> str:
    return f"{type(why).__name__}: {why}" if str(why) else type(why).__name__


def _plain_digest(digest: str | None) -> str:
    return (digest or "").removeprefix("sha256:")


def _full_name(name: str) -> str:
    name = name.casefold()
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _details(details: ollama._types.ModelDetails | None) -> dict[str, Any]:
    return {
        "family": details.family if details else None,
        "parameter_size": details.parameter_size if details else None,
        "quantization": details.quantization_level if details else None,
    }


def _context_length(model_info: Any) -> int | None:
    """Return `<architecture>.context_length`, of the model's own architecture where several are told."""
    architecture = model_info.get("general.architecture")
    found = model_info.get(f"{architecture}.context_length")
    if found is None:
        found = next((v for k, v in model_info.items() if k.endswith(".context_length")), None)
    return found if isinstance(found, int) and found > 0 else None
