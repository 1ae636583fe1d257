"""How large a file may grow, and what a wheel must carry."""

import fnmatch
import tomllib

from tests.support.tree import PACKAGES, ROOT, files, shown

MOST_LINES = 500


def test_no_module_is_longer_than_one_sitting() -> None:
    ours = [path for path in files() if path.suffix in {".py", ".sql"}]
    long = {shown(path): lines for path in ours if (lines := len(path.read_text().splitlines())) > MOST_LINES}

    assert long == {}, f"split these; the wall is {MOST_LINES} lines"


def test_every_file_of_the_packages_is_named_among_the_wheel_data() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["*"]
    data = [
        path
        for path in files()
        if shown(path).split("/")[0] in PACKAGES and path.suffix not in {".py", ".pyc"}
    ]

    left_out = [shown(path) for path in data if not any(fnmatch.fnmatch(path.name, one) for one in patterns)]

    assert left_out == [], "add their pattern to [tool.setuptools.package-data]"
    assert any(path.suffix == ".sql" for path in data)


def test_every_package_is_marked_as_typed() -> None:
    assert [package for package in PACKAGES if not (ROOT / package / "py.typed").exists()] == []
