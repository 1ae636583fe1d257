"""The six packages and what they may know (adr/0003)."""

import ast
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from importlinter import configuration
from importlinter.application.use_cases import SUCCESS, lint_imports

from tests.support.tree import PACKAGES, ROOT, parsed, shown, sources

SETTINGS = "bootstrap/settings.py"


def test_the_import_contracts_of_pyproject_hold(capsys: pytest.CaptureFixture[str]) -> None:
    configuration.configure()

    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None)

    assert status is SUCCESS, capsys.readouterr().out


def test_the_contracts_cover_exactly_the_packages_that_are_shipped() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shipped = {
        pattern.rstrip("*") for pattern in project["tool"]["setuptools"]["packages"]["find"]["include"]
    }
    on_disk = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert shipped == set(PACKAGES)
    assert on_disk == set(PACKAGES)
    assert set(project["tool"]["importlinter"]["root_packages"]) == set(PACKAGES)


def test_nobody_imports_the_wiring_but_itself() -> None:
    guilty = [
        shown(path)
        for path in sources()
        if shown(path).split("/")[0] != "bootstrap" and "bootstrap" in _roots(path)
    ]

    assert guilty == []


@pytest.mark.parametrize("layer", ["domain", "application"])
def test_the_core_imports_nothing_from_outside_but_the_aggregates_library(layer: str) -> None:
    allowed = {
        *sys.stdlib_module_names,
        "domain",
        *(["application"] if layer == "application" else ["eventsourcing"]),
    }
    foreign = {
        f"{shown(path)} imports {sorted(extra)}"
        for path in sources()
        if shown(path).startswith(f"{layer}/") and (extra := _roots(path) - allowed)
    }

    assert foreign == set()


def test_the_domain_takes_only_aggregates_from_their_library() -> None:
    taken = {
        name
        for path in sources()
        if shown(path).startswith("domain/")
        for name in _imports(path)
        if "eventsourcing" in name
    }

    assert taken == {"eventsourcing.domain"}


def test_the_environment_is_read_in_the_settings_alone() -> None:
    assert [shown(path) for path in sources() if _reads_environment(path)] == [SETTINGS]


def test_every_module_can_be_imported_on_its_own_name() -> None:
    for path in sources():
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if not name.endswith("__main__"):
            import_module(name)


def test_every_package_says_that_it_is_one() -> None:
    missing = {shown(path.parent) for path in sources() if not (path.parent / "__init__.py").exists()}

    assert missing == set()


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def _roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _imports(path)}


def _reads_environment(path: Path) -> bool:
    names = {"environ", "getenv", "environb", "putenv"}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Attribute) and node.attr in names and getattr(node.value, "id", "") == "os":
            return True
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and names & {alias.name for alias in node.names}
        ):
            return True
    return False
