"""The product does not know where it was built."""

import re
from pathlib import Path

from tests.support.tree import ROOT, files, shown

# With a class of one letter in each pattern, so that none matches itself.
FORBIDDEN = {
    "a path of the workplace": r"/wor[k]/(main|shared|venv|brief)|/wor[k](?=[\s'\"`])",
    "a file beside the repository": r"\.\./share[d]|DESIG[N]\.md|STYL[E]\.md",
    "the host of a package registry": r"(pyp[i]|pythonhoste[d])\.org|registry\.npmj[s]",
    "a container tool of the workplace": r"container-engin[e]",
}
IN_CI_ALLOWED = {"a file beside the repository", "a container tool of the workplace"}


def test_no_file_names_the_place_it_was_written_at() -> None:
    found = []
    for path in files():
        for what, pattern in FORBIDDEN.items():
            if what in IN_CI_ALLOWED and shown(path).startswith(".ci/"):
                continue
            if re.search(pattern, _text(path)):
                found.append(f"{shown(path)}: {what}")

    assert found == []


def test_nobody_has_left_work_for_later_in_the_code() -> None:
    marks = re.compile(r"TOD[O]|FIXM[E]|\bXX[X]\b")
    ours = [path for path in files() if path.suffix in {".py", ".sql", ".sh"} and path.is_relative_to(ROOT)]

    assert [shown(path) for path in ours if marks.search(_text(path))] == []


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")
