"""Every error has a verdict of its own, and the promised exit codes."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import application
import domain
import infrastructure
import projections
from application import errors as a
from domain import errors as d
from interfaces.errors import VERDICTS, Exit, verdict


def all_errors() -> list[type[d.DaybookError]]:
    for package in (domain, application, projections, infrastructure):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    found: list[type[d.DaybookError]] = [d.DaybookError]
    for error in found:
        found.extend(error.__subclasses__())
    return found


def test_every_error_of_the_core_has_a_row_of_its_own() -> None:
    cores = ("domain.", "application.", "projections.")
    missing = [e.__name__ for e in all_errors() if e.__module__.startswith(cores) and e not in VERDICTS]
    assert missing == []


def test_every_error_has_a_verdict() -> None:
    for error in all_errors():
        found = next(VERDICTS[kind] for kind in error.__mro__ if kind in VERDICTS)
        assert found.exit_code != Exit.DONE
        assert 400 <= found.status <= 599
        assert found.slug.replace("-", "").isalpha()


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (d.InvalidInputError("x"), 2),
        (d.NotFoundError("x"), 3),
        (d.ConflictError("x"), 4),
        (d.RefusedError("x"), 4),
        (a.ModelMissingError("x"), 5),
        (a.ModelServerUnreachableError("x"), 5),
        (a.DatabaseUnreachableError("x"), 6),
        (a.KeyringError("x"), 6),
        (a.IdempotencyMismatchError("x"), 4),
    ],
)
def test_exit_codes_are_those_that_are_promised(error: d.DaybookError, exit_code: int) -> None:
    assert verdict(error).exit_code == exit_code
