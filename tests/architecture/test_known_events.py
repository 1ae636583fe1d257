"""Which types of events a process knows that fills read models."""

from __future__ import annotations

import subprocess
import sys

from tests.samples.make import all_types
from tests.support.tree import ROOT

_SAY = "import projections.catalogue; from domain.event import catalogue; print(*catalogue.types())"


def test_whoever_fills_read_models_knows_every_type_of_event() -> None:
    """A type that a process does not know stops its read models: it might be one of a newer release."""
    known = subprocess.run([sys.executable, "-c", _SAY], cwd=ROOT, check=True, capture_output=True, text=True)
    assert set(known.stdout.split()) == set(all_types())
