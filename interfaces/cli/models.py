"""`daybook models …`: what is on the model server, what can be got, and what fits this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer

from interfaces.cli.console import clean, one_line, out, out_json, say, size, table
from interfaces.cli.lazy import group_app
from interfaces.cli.opening import host_of

if TYPE_CHECKING:
    from interfaces.cli.host import Host
    from interfaces.parts import Models

app = group_app("See, get and choose models.")

T = TypeVar("T")
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command("list")
def list_models(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List the models on the model server."""
    from interfaces.model_views import ModelListView
    from interfaces.viewing import model

    host = host_of(ctx)
    cards = sorted(_with_server(host, lambda server: server.models()), key=lambda card: card.name)
    found = [model(card, default=host.default_model()) for card in cards]
    if as_json:
        out_json(ModelListView(models=found))
        return
    if not found:
        say(f"No model is on the model server yet. Get one: daybook models pull {host.default_model()}")
        return
    rows = [
        (
            one_line(one.name) + (" *" if one.default else ""),
            size(one.size_bytes),
            one_line(one.parameter_size),
            one_line(one.quantization),
            one.digest.removeprefix("sha256:")[:12],
        )
        for one in found
    ]
    table(
        ("MODEL", "SIZE", "PARAMETERS", "QUANTIZATION", "DIGEST"),
        rows,
        stretch=(0,),
        optional=(3, 2, 4),
        wrap=True,
    )
    if not any(one.default for one in found):
        say(f"The default model is not among them: daybook models pull {host.default_model()}")


@app.command()
def pull(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The model; none: the default one.")] = None,
) -> None:
    """Get a model onto the model server."""
    from interfaces.cli import pulling

    host = host_of(ctx)
    wanted = name or host.default_model()
    known = pulling.download_size(wanted)
    say(f"Getting {clean(wanted)}{f' ({size(known)})' if known else ''} …")
    _with_server(host, lambda server: pulling.pull(server, wanted))


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The model; none: the default one.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show one model."""
    from interfaces.viewing import model

    host = host_of(ctx)
    wanted = name or host.default_model()
    found = model(_with_server(host, lambda server: server.show(wanted)), default=host.default_model())
    if as_json:
        out_json(found)
        return
    out(one_line(found.name) + (" (the default)" if found.default else ""))
    for label, value in (
        ("digest", found.digest),
        ("size", size(found.size_bytes)),
        ("family", found.family),
        ("parameters", found.parameter_size),
        ("quantization", found.quantization),
        ("context", f"{found.context_length:,} tokens" if found.context_length else None),
        ("can", ", ".join(found.capabilities)),
    ):
        out(f"{label:<13} {one_line(value) or '?'}")


@app.command()
def recommend(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Say which size of DeepSeek-R1 fits this machine's memory and disk."""
    found = host_of(ctx).recommend()
    if as_json:
        from interfaces.viewing import recommendation

        out_json(recommendation(found))
        return
    rows = [
        (
            verdict.size.name + (" *" if verdict.size == found.best else ""),
            size(verdict.size.download_bytes),
            "yes" if verdict.fits else "no",
            verdict.why,
        )
        for verdict in found.verdicts
    ]
    table(("MODEL", "DOWNLOAD", "FITS", "WHY"), rows, stretch=(3, 0), optional=(1,), wrap=True)
    if found.best is None:
        say(
            "None fits this machine. A model server on another one: daybook config set ollama_url http://HOST:11434"
        )
    else:
        say(f"\nGet it: daybook models pull {found.best.name}")
        say(f"Make it the default: daybook config set model {found.best.name}")


def _with_server(host: Host, use: Callable[[Models], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        server: Models = host.model_server()
        try:
            return await use(server)
        finally:
            await server.close()

    return asyncio.run(run())
