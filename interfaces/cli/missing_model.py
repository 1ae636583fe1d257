"""When the model is not on the model server and a person is there to ask: get it, or take another one.

The prompt is recorded by then; what is chosen answers it. Nothing is downloaded unasked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from interfaces.cli.console import clean, confirm_choice, say, size
from interfaces.cli.pulling import download_size, pull

if TYPE_CHECKING:
    from application.ports.model_server import ModelCard
    from interfaces.cli.host import Host
    from interfaces.parts import Models

_MOST_SHOWN = 8


async def choose_model(host: Host, server: Models, missing: str, *, remember: bool) -> str | None:
    """Return the model that shall answer, there by now; None where none shall.

    Args:
        host: remembers the choice.
        server: on this event loop.
        missing: the model that is not there.
        remember: whether a choice of another one becomes the default.
    """
    usual = host.setting("model")
    fit = [card for card in await server.models() if "embedding" not in card.capabilities]
    installed = sorted(fit, key=lambda card: (card.name != usual, _by_size(card)))[:_MOST_SHOWN]
    choice = _ask(missing, installed, len(fit) - len(installed))
    if choice == "q":
        return None
    if choice == "1":
        await pull(server, missing)
        return missing
    chosen = installed[int(choice) - 2].name
    if remember:
        file = host.remember_model(chosen)
        if file is not None:
            say(f"{chosen} is the default model from now on ({file}).")
        if file is not None and host.setting("model") != chosen:
            say("The environment still names another one (DAYBOOK_MODEL), and it goes first.")
    return chosen


def _ask(missing: str, installed: Sequence[ModelCard], more: int) -> str:
    known = download_size(missing)
    about = f" ({size(known)})" if known else ""
    say(
        f"\nThe model {clean(missing)} is not on the model server. "
        "Your prompt is recorded; it can be answered now:"
    )
    say(f"  1  get {clean(missing)}{about}")
    for number, card in enumerate(installed, 2):
        say(f"  {number}  use {clean(card.name)} ({size(card.size)}, installed)")
    say(f"  q  neither{f'; {more} more are installed: daybook models list' if more else ''}")
    numbers = {str(number) for number in range(1, len(installed) + 2)}
    return confirm_choice("Which? [q] ", lambda typed: typed in numbers | {"q"}, "q")


def _by_size(card: ModelCard) -> int:
    return card.size or 0
