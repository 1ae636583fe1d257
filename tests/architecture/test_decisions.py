"""Decision records: one page each, four questions answered, every one in the index."""

import re
from pathlib import Path

import pytest

from tests.support.tree import ROOT

RECORDS = sorted((ROOT / "adr").glob("[0-9]*.md"))
HEADINGS = ["Context", "Decision", "Consequences", "How we would notice it is wrong"]
ONE_PAGE = 90


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_decision_is_one_page_under_the_four_headings(path: Path) -> None:
    text = path.read_text()

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert len(text.splitlines()) <= ONE_PAGE
    assert text.startswith(f"# {int(path.name[:4])}. ")


def test_decisions_are_numbered_without_gaps_and_listed_in_the_index() -> None:
    index = (ROOT / "adr" / "README.md").read_text()

    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))
    assert re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", index) == [path.name for path in RECORDS]
    titles = {path.name: path.read_text().splitlines()[0].partition(". ")[2] for path in RECORDS}
    assert [name for name, title in titles.items() if f"[{title}]({name})" not in index] == []
