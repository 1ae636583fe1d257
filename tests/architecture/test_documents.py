"""Documents that cannot drift: generated pages, links, the walk of one prompt, and every setting."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from application.model_sizes import SIZES
from bootstrap.settings import DEFINITIONS
from docs.generate import PAGES
from domain.event import catalogue
from interfaces.cli.app import app
from interfaces.http.metrics import names
from tests.samples.make import all_types
from tests.support.tree import ROOT, files, shown

FOR_TESTS = {"DAYBOOK_HTTPS_SUFFIX", "PROXY_IMAGE"}
PAGES_OF_TEXT = [path for path in files() if path.suffix == ".md"]
CODE_SPAN = re.compile(r"`([^`\n]+)`")
SHELL_LINE = re.compile(r"^(?:\$ )?((?:docker compose exec \S+ )?daybook .*)$", re.MULTILINE)
A_COMMAND = re.compile(r"(?<![\w/@.:-])daybook ([a-z][a-z-]+(?: [a-z][a-z-]+)?)")
A_FILE = re.compile(r"[\w.-]+(/[\w.@-]+)+\.(py|sql|md|yml|toml|json|sh)")


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), "run: python docs/generate.py"


def test_every_setting_and_every_event_type_is_documented() -> None:
    settings, events = (ROOT / "docs" / "settings.md").read_text(), (ROOT / "docs" / "events.md").read_text()

    assert [one.key for one in DEFINITIONS if f"| `{one.key}` |" not in settings] == []
    assert [name for name in all_types() if f"### `{name}`" not in events] == []
    assert set(all_types()) == set(catalogue.types())


@pytest.mark.parametrize("path", PAGES_OF_TEXT, ids=shown)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|mailto:|#)([^)#\s]+)", path.read_text())

    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", PAGES_OF_TEXT, ids=shown)
def test_files_named_in_documents_exist(path: Path) -> None:
    named = [span for span in CODE_SPAN.findall(path.read_text()) if A_FILE.fullmatch(span)]

    missing = [name for name in named if not (ROOT / name).exists() and not (path.parent / name).exists()]

    assert missing == []


@pytest.mark.parametrize("path", PAGES_OF_TEXT, ids=shown)
def test_commands_named_in_documents_exist(path: Path) -> None:
    text = path.read_text()
    code = [*CODE_SPAN.findall(text), *SHELL_LINE.findall(text)]
    named = {tuple(words.split()) for piece in code for words in A_COMMAND.findall(piece)}

    missing = [words for words in named if not _is_command(*words)]

    assert missing == []


def test_the_walk_of_one_prompt_names_its_files_in_order_and_each_once() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    walk = text.partition("## The walk of one prompt")[2].partition("\n## ")[0]
    stations = re.findall(r"^\d+\. `([^`]+)`", walk, re.MULTILINE)

    assert len(stations) == len(set(stations)) >= 8
    layers = list(dict.fromkeys(station.split("/")[0] for station in stations))
    assert layers == ["interfaces", "application", "domain", "infrastructure", "projections"]


def test_every_page_of_the_documentation_is_in_its_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = [path.name for path in (ROOT / "docs").glob("*.md") if path.name != "README.md"]

    assert [name for name in pages if f"({name})" not in index] == []


def _is_command(first: str, second: str = "") -> bool:
    root: Any = typer.main.get_command(app)
    context = root.context_class(root)
    command = root.get_command(context, first)
    if command is None:
        return False
    if not second or not hasattr(command, "list_commands"):
        return True
    return command.get_command(context, second) is not None


def test_the_example_of_settings_says_of_models_what_the_code_does() -> None:
    example = (ROOT / ".env.example").read_text()
    assert example.index("DAYBOOK_MODEL=") < example.index("DAYBOOK_CONTEXT_LENGTH=")
    rows = dict(re.findall(r"^#   deepseek-r1:(\S+) +([\d.]+ GB +[\d.]+ GB)", example, re.MULTILINE))
    sizes = {one.tag: one for one in SIZES if one.tag != "671b"}
    assert rows.keys() == sizes.keys()
    for tag, size in sizes.items():
        told = [size.download_bytes, size.memory_bytes(8192)]
        assert rows[tag].split() == [word for value in told for word in (f"{value / 1e9:.1f}", "GB")]


def test_every_setting_that_compose_reads_is_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    for file in sorted(ROOT.glob("docker-compose*.yml")):
        for name in re.findall(r"(?<!\$)\$\{([A-Z_]+)", file.read_text()):
            assert name in example or name in FOR_TESTS, f"{name} of {file.name}"


def test_the_dashboard_shows_every_figure_there_is_and_no_other() -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    named = {name for expr in asked for name in re.findall(r"daybook_[a-z_]+", expr)}
    known = {name: kind for name, kind, _, _ in names()}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in named} == set(known)
    for name in named - known.keys():
        assert known[re.sub(r"_(bucket|sum|count)$", "", name)] == "histogram"
