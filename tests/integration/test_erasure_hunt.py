"""Nothing readable is left after an erasure, in any byte that the book's owner has.

The full count: `python benchmarks/erase_hunt.py --rounds 20`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from infrastructure.postgres.wal import SCRUB
from tests.support.hunting import BYSTANDER, WITHOUT_SEARCH, Hunt
from tests.support.hunting_rounds import hunt_once
from tests.support.tree import ROOT

pytestmark = pytest.mark.slow


def test_no_word_and_no_key_is_left_anywhere_and_old_dumps_stay_shut(tmp_path: Path) -> None:
    with Hunt(tmp_path) as hunt:
        stays = hunt.plant_bystander()

        seen = hunt_once(hunt, 1)

        assert seen.missed_controls == []
        assert seen.found == []
        assert seen.opened == []
        assert seen.files > 1000
        assert BYSTANDER in hunt.daybook("show", str(stays)).out
        assert hunt.daybook("search", BYSTANDER, "--json").json["results"]
        assert hunt.daybook("audit", "verify").out.startswith("ok: ")

        without_search = hunt.dump("backup.sql", WITHOUT_SEARCH)
        again = hunt.daybook.with_settings(DAYBOOK_DATABASE_URL=hunt.restore(without_search, "again"))
        again("projections", "rebuild", "search")
        assert again("search", BYSTANDER, "--json").json["results"]


def test_the_commands_that_write_over_the_log_are_told_as_they_are() -> None:
    told = (ROOT / "docs" / "privacy.md").read_text()

    assert "\n".join(f"{statement};" for statement in SCRUB) in told
    assert WITHOUT_SEARCH.replace("=", "='") + "'" in told
