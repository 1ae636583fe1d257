"""The simulator's routes: Ollama's protocol as a client meets it, and `/simulator/state` for tests.

Every answer that is generated says that a simulator made it; nothing here is ever used unless its address
was given.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from infrastructure.simulator import answers, generation, requests
from infrastructure.simulator.options import Mode, SimulatorOptions
from infrastructure.simulator.plan import Asked, Plan, limited, make_plan
from infrastructure.simulator.requests import RefusedRequestError
from infrastructure.simulator.script import Entry, answer_from, read_script
from infrastructure.simulator.shelf import BusyError, Model, Shelf, full_name, in_library, mode_of
from infrastructure.simulator.wire import State, WatchedResponse, timestamp, to_json

VERSION = "0.33.0-daybook-simulator"

_BUSY = "server busy, please try again.  maximum pending requests exceeded"
_TOO_LONG = "the input length exceeds the context length"
_PULL_STEPS = 20
_CONFIG_BYTES = 487
_INSTALLED_NS = 1_767_225_600 * 1_000_000_000  # the first second of 2026: stable, as the digests are


class Simulator:
    """One simulated server: its options, its models, and its count of what goes on."""

    def __init__(self, options: SimulatorOptions, *, bound_to_loopback: bool = True) -> None:
        self.options = options
        self.shelf = Shelf(options)
        self.state = State()
        self._refusals_left = options.loading_refusals
        self._script: Sequence[Entry] = read_script(options.script) if options.script else ()
        self._bound_to_loopback = bound_to_loopback

    def app(self) -> ASGIApp:
        """Return the ASGI application."""
        both = ["GET", "HEAD"]
        return Starlette(
            routes=[
                Route("/", self._root, methods=both),
                Route("/api/version", self._version, methods=both),
                Route("/api/tags", self._tags, methods=both),
                Route("/api/ps", self._ps, methods=["GET"]),
                Route("/api/show", self._show, methods=["POST"]),
                Route("/api/pull", self._pull, methods=["POST"]),
                Route("/api/chat", self._chat, methods=["POST"]),
                Route("/api/generate", self._generate, methods=["POST"]),
                Route("/api/embed", self._embed, methods=["POST"]),
                Route("/api/delete", self._delete, methods=["DELETE"]),
                Route("/simulator/state", self._tell_state, methods=["GET"]),
            ],
            exception_handlers={404: _unknown_path, RefusedRequestError: _refused, BusyError: _busy},
            middleware=[Middleware(_HostCheck, bound_to_loopback=self._bound_to_loopback)],
        )

    async def _root(self, _: Request) -> Response:
        return PlainTextResponse("Ollama is running")

    async def _version(self, _: Request) -> Response:
        return _json({"version": VERSION})

    async def _tell_state(self, _: Request) -> Response:
        return _json({"simulator": True, **self.state.as_dict()})

    async def _tags(self, _: Request) -> Response:
        return _json({"models": [_listed(model) for model in self.shelf.installed.values()]})

    async def _ps(self, _: Request) -> Response:
        self.shelf.forget_expired()
        never = _INSTALLED_NS + 200 * 365 * 86_400 * 1_000_000_000
        return _json(
            {
                "models": [
                    {
                        **_listed(loaded.model),
                        "expires_at": timestamp(loaded.expires_ns or never),
                        "size_vram": 0,
                        "context_length": loaded.num_ctx,
                    }
                    for loaded in self.shelf.loaded.values()
                ]
            }
        )

    async def _show(self, request: Request) -> Response:
        model = requests.installed(requests.parse_body(await request.body()), self.shelf)
        return _json(
            {
                "modelfile": f"# A model of Daybook's simulator\nFROM {model.name}\n",
                "parameters": "temperature                    0.6\ntop_p                          0.95",
                "template": "{{ .System }}{{ .Prompt }}",
                "details": model.details(),
                "model_info": {
                    "general.architecture": model.family,
                    "general.basename": model.name.partition(":")[0],
                    f"{model.family}.context_length": model.context_length,
                    f"{model.family}.embedding_length": model.dimensions or 4096,
                },
                "capabilities": model.capabilities,
                "modified_at": timestamp(_INSTALLED_NS),
            }
        )

    async def _pull(self, request: Request) -> Response:
        body = requests.parse_body(await request.body())
        return self._respond(self._pulling(full_name(requests.model_name(body))), body)

    async def _pulling(self, name: str) -> AsyncIterator[generation.Line]:
        yield {"status": "pulling manifest"}
        model = in_library(name)
        if model is None:
            yield {"error": "pull model manifest: file does not exist"}
            return
        fails = mode_of(name, self.options.mode) is Mode.PULL_FAILING
        for digest, total in ((model.digest, model.size), (model.digest[::-1], _CONFIG_BYTES)):
            head = {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}", "total": total}
            steps = _PULL_STEPS if total > _CONFIG_BYTES else 1
            for step in range(steps + 1):
                yield {**head, "completed": total * step // steps} if step else head
                if fails and step > steps // 2:
                    yield {"error": "max retries exceeded: simulated loss of the connection"}
                    return
                await asyncio.sleep(self.options.pull_seconds / (_PULL_STEPS + 2))
        for status in ("verifying sha256 digest", "writing manifest", "success"):
            if status == "success":
                self.shelf.installed[name] = model
            yield {"status": status}

    async def _delete(self, request: Request) -> Response:
        model = requests.installed(requests.parse_body(await request.body()), self.shelf)
        del self.shelf.installed[model.name]
        self.shelf.loaded.pop(model.name, None)
        return Response(status_code=200)

    async def _embed(self, request: Request) -> Response:
        began = self.options.now_ns()
        body = requests.parse_body(await request.body())
        model = requests.installed(body, self.shelf)
        if not model.dimensions:
            raise RefusedRequestError(501, "This server does not support embeddings")
        given = body.get("input", [])
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise RefusedRequestError(400, "invalid input type")
        counts = [answers.estimate_tokens(text) for text in texts]
        if body.get("truncate") is False and max(counts, default=0) > model.context_length:
            raise RefusedRequestError(400, _TOO_LONG)
        dimensions = min(int(body.get("dimensions") or model.dimensions), model.dimensions)
        load_ns = await self.shelf.load(model, model.context_length)
        self.shelf.keep(model, requests.keep_alive_of(body))
        return _json(
            {
                "model": model.name,
                "embeddings": [answers.vector(text, dimensions) for text in texts],
                "total_duration": self.options.now_ns() - began,
                "load_duration": load_ns,
                "prompt_eval_count": sum(counts),
            }
        )

    async def _chat(self, request: Request) -> Response:
        body = requests.parse_body(await request.body())
        return await self._answer(body, requests.messages_of(body), generation.chat_shape)

    async def _generate(self, request: Request) -> Response:
        body = requests.parse_body(await request.body())
        spoken = [("system", body.get("system")), ("user", body.get("prompt"))]
        messages = [{"role": role, "content": str(content)} for role, content in spoken if content]
        return await self._answer(body, messages if body.get("prompt") else [], generation.generate_shape)

    async def _answer(
        self, body: dict[str, Any], messages: list[dict[str, Any]], shape: generation.Shape
    ) -> Response:
        began = self.options.now_ns()
        model = requests.installed(body, self.shelf)
        if model.dimensions:
            raise RefusedRequestError(400, f'"{model.name}" does not support chat')
        options, think = requests.options_of(body), requests.thinks(body, model)
        keep_alive = requests.keep_alive_of(body)
        mode = mode_of(model.name, self.options.mode)
        self._refuse_when_busy(mode)
        num_ctx = int(options.get("num_ctx") or requests.DEFAULT_NUM_CTX)
        count = answers.prompt_tokens(messages)
        if count > num_ctx and body.get("truncate") is False:
            raise RefusedRequestError(400, _TOO_LONG)
        messages, count = _cut_to(messages, count, num_ctx)
        if not messages and keep_alive == 0:
            self.shelf.keep(model, 0)
            return self._respond(_only(self._empty(model, shape, "unload")), body)
        load_ns = await self.shelf.load(model, num_ctx)
        if not messages:
            self.shelf.keep(model, keep_alive)
            return self._respond(_only(self._empty(model, shape, "load")), body)
        plan = self._plan(body, Asked(model.name, messages, options, think, bool(body.get("format"))), mode)
        run = generation.Run(
            model=str(body.get("model") or model.name),
            shape=shape,
            options=self.options,
            state=self.state,
            began_ns=began,
            load_ns=load_ns,
            prompt_count=count,
            finish=lambda: self.shelf.keep(model, keep_alive),
        )
        plan = limited(plan, _most_tokens(options, body, num_ctx - count))
        return self._respond(generation.lines(plan, run, stream=_streams(body)), body)

    def _plan(self, body: dict[str, Any], asked: Asked, mode: Mode) -> Plan:
        prompt = str(asked.messages[-1].get("content") or "")
        scripted = answer_from(self._script, str(body.get("model") or asked.model), prompt)
        return scripted or make_plan(asked, mode, self.options)

    def _refuse_when_busy(self, mode: Mode) -> None:
        if mode is Mode.BUSY:
            raise BusyError
        if mode is Mode.LOADING and self._refusals_left > 0:
            self._refusals_left -= 1
            raise BusyError

    def _empty(self, model: Model, shape: generation.Shape, reason: str) -> dict[str, Any]:
        head = {"model": model.name, "created_at": timestamp(self.options.now_ns())}
        return {**head, **shape("", ""), "done": True, "done_reason": reason}

    def _respond(self, lines: AsyncIterator[generation.Line], body: dict[str, Any]) -> Response:
        return WatchedResponse(lines, self.state, stream=_streams(body))


class _HostCheck:
    """Refuses foreign `Host` headers while bound to loopback, as Ollama does against DNS rebinding."""

    def __init__(self, app: ASGIApp, *, bound_to_loopback: bool) -> None:
        self._app = app
        self._bound_to_loopback = bound_to_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = next(
            (value.decode("latin-1") for name, value in scope.get("headers", ()) if name == b"host"), ""
        )
        if requests.fits_host(host, bound_to_loopback=self._bound_to_loopback):
            await self._app(scope, receive, send)
        else:
            await Response(status_code=403)(scope, receive, send)


def _json(value: Any, status: int = 200) -> Response:
    return Response(to_json(value), status, media_type="application/json; charset=utf-8")


async def _refused(_: Request, why: Exception) -> Response:
    if isinstance(why, RefusedRequestError):
        return _json({"error": why.error}, why.status)
    raise why


async def _busy(_: Request, __: Exception) -> Response:
    return _json({"error": _BUSY}, 503)


async def _unknown_path(_: Request, __: Exception) -> Response:
    return PlainTextResponse("404 page not found", 404)


async def _only(line: dict[str, Any]) -> AsyncIterator[generation.Line]:
    yield line


def _streams(body: dict[str, Any]) -> bool:
    return body.get("stream") is not False


def _listed(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": timestamp(_INSTALLED_NS),
        "size": model.size,
        "digest": model.digest,
        "details": model.details(),
        "capabilities": model.capabilities,
    }


def _cut_to(messages: list[dict[str, Any]], count: int, num_ctx: int) -> tuple[list[dict[str, Any]], int]:
    """Drop the oldest turns that do not fit, silently, as Ollama does; instructions and the last one stay."""
    while count > num_ctx and len(messages) > 1:
        victim = next((i for i, m in enumerate(messages[:-1]) if m.get("role") != "system"), None)
        if victim is None:
            break
        messages = messages[:victim] + messages[victim + 1 :]
        count = answers.prompt_tokens(messages)
    return messages, min(count, num_ctx)


def _most_tokens(options: dict[str, Any], body: dict[str, Any], room: int) -> int | None:
    wanted = int(options.get("num_predict") or -1)
    limits = [wanted] if wanted > 0 else []
    if body.get("shift") is False:
        limits.append(max(1, room))
    return min(limits, default=None)
