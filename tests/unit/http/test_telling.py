"""What the server tells of itself: every kind of error explained, every line named, forms that hold."""

import ast
import json
import logging

import pytest

from bootstrap.server_log import JsonLines, TextLines
from interfaces.explanations import EXPLANATIONS
from interfaces.http import documents
from interfaces.http.api import models, projects
from interfaces.http.kinds import kinds
from interfaces.http.logs import LINES, tell
from interfaces.http.metrics import Metrics, names
from interfaces.http.paths import UNKNOWN, Paths
from interfaces.http.web import pages
from tests.support.tree import ROOT, parsed, sources

PATHS = Paths(
    [
        ("", documents.router),
        ("", pages.router),
        ("/api/v1", projects.router),
        ("/api/v1", models.router),
    ]
)


def test_every_kind_of_error_is_explained_and_no_other() -> None:
    assert {kind.slug for kind in kinds()} == set(EXPLANATIONS)
    for explanation in EXPLANATIONS.values():
        assert all(text.endswith((".", ":")) for text in vars(explanation).values())


def test_the_page_of_errors_has_an_anchor_for_every_kind() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    headings = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]

    assert headings == [kind.slug for kind in kinds()]


def test_every_line_that_is_told_has_a_name_that_is_listed() -> None:
    told = {
        node.args[0].value
        for path in sources()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "tell"
        and isinstance(node.args[0], ast.Constant)
    }

    assert told == set(LINES) - {"message"}
    page = (ROOT / "docs" / "operations.md").read_text()
    assert [name for name in LINES if f"| `{name}` |" not in page] == []


def test_every_figure_is_listed_and_those_that_are_listed_are_shown() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    listed = [name for name, *_ in names()]

    assert len(listed) == len(set(listed)) >= 18
    assert [name for name in listed if f"| `{name}` |" not in page] == []
    text = Metrics().text().decode()
    of_the_server = [name for name in listed if f"# TYPE {name.removesuffix('_total')}" in text]
    assert set(listed) - set(of_the_server) == {
        "daybook_database_up",
        "daybook_database_connections",
        "daybook_database_connections_most",
        "daybook_log_size",
        "daybook_line_running",
        "daybook_line_waiting",
        "daybook_erased",
        "daybook_read_model_lag",
        "daybook_read_model_quarantined",
    }


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/projects", ["GET", "HEAD", "OPTIONS", "POST"]),
        ("/api/v1/projects/1/archive", ["OPTIONS", "POST"]),
        ("/api/v1/models/a/b:c", ["GET", "HEAD", "OPTIONS"]),
        ("/problems/x", ["GET", "HEAD", "OPTIONS"]),
        ("/pull", ["OPTIONS", "POST"]),
        ("/", ["GET", "HEAD", "OPTIONS"]),
        ("/api/v1/projects/1/2", []),
        ("/api/v1/projectsx", []),
    ],
)
def test_a_path_knows_its_methods(path: str, methods: list[str]) -> None:
    assert PATHS.allowed(path) == methods


def test_a_path_that_is_not_ours_is_never_told() -> None:
    assert PATHS.template({"type": "http", "path": "/the/secret", "headers": []}) == (UNKNOWN, None)
    assert PATHS.template({"type": "http", "path": "/api/v1/projects/7"}) == (
        "/api/v1/projects/{project_id}",
        None,
    )


def test_a_line_is_one_json_object_without_what_is_none(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "daybook.server"):
        tell("request", status=200, actor=None, route="/x")

    line = json.loads(JsonLines().format(caplog.records[-1]))
    assert line.pop("time").endswith("Z")
    assert line == {"level": "info", "line": "request", "status": 200, "route": "/x"}
    assert TextLines().format(caplog.records[-1]).endswith("INFO    request status=200 route=/x")


def test_what_somebody_elses_exception_says_stays_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    try:
        {}["the secret"]
    except KeyError:
        logging.getLogger("daybook.elsewhere").exception("it broke")

    for form in (JsonLines(), TextLines()):
        told = form.format(caplog.records[-1])
        assert "the secret" not in told
        assert "builtins.KeyError" in told
        assert "it broke" in told
