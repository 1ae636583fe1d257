"""`daybook config …`: every setting, where it comes from, and the configuration file."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from interfaces.cli.console import one_line, out, out_json, say, table
from interfaces.cli.host import SettingView
from interfaces.cli.lazy import group_app
from interfaces.cli.opening import host_of
from interfaces.cli.paging import paged

app = group_app("See and change settings.")

Key: TypeAlias = Annotated[str, typer.Argument(help="The setting, such as model.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command("list")
def list_settings(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List every setting, its value and where it comes from."""
    found = host_of(ctx).settings()
    if as_json:
        out_json({"settings": [_plain(setting) for setting in found]})
        return
    rows = [
        (setting.key, one_line(setting.value) or "-", one_line(setting.origin), setting.help)
        for setting in found
    ]
    with paged(ctx):
        table(
            ("SETTING", "VALUE", "FROM", "WHAT IT IS"),
            rows,
            stretch=(3, 2, 1),
            optional=(3, 2),
            wrap=True,
            narrowest=18,
        )
    say(f"\nThe configuration file: {host_of(ctx).config_file}")


@app.command()
def get(ctx: typer.Context, key: Key, *, as_json: AsJson = False) -> None:
    """Print one setting's value; secrets stay hidden."""
    from domain.errors import NotFoundError

    found = next((setting for setting in host_of(ctx).settings() if setting.key == key), None)
    if found is None:
        raise NotFoundError(f"There is no setting {key!r}.", hint="daybook config list")
    if as_json:
        out_json(_plain(found))
    else:
        out(found.value)


@app.command("set")
def set_setting(
    ctx: typer.Context, key: Key, value: Annotated[str, typer.Argument(help="Its value.")]
) -> None:
    """Write a setting into the configuration file."""
    host = host_of(ctx)
    file = host.remember(key, value)
    say(f"{key} = {value} ({file})")
    found = next(setting for setting in host.settings() if setting.key == key)
    if found.value != value:
        say(f"But {found.origin} says {found.value!r}, and it goes first.")


@app.command()
def unset(ctx: typer.Context, key: Key) -> None:
    """Take a setting out of the configuration file."""
    if host_of(ctx).forget(key):
        say(f"{key} is at its default again.")
    else:
        say(f"{key} was not in the configuration file.")


def _plain(setting: SettingView) -> dict[str, object]:
    return {
        "key": setting.key,
        "value": setting.value,
        "origin": setting.origin,
        "help": setting.help,
        "variables": setting.variables,
    }
