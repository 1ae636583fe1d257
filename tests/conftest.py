"""What holds for all tests: nothing fails because a machine is slow, and unit tests prove what they cover."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("daybook", deadline=None)
settings.load_profile("daybook")

pytest_plugins = ["tests.support.databases"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure no coverage where the whole is tried: it takes two thirds longer, and hits lines by chance."""
    for item in items:
        if item.path.relative_to(Path(__file__).parent).parts[0] in {"integration", "e2e"}:
            item.add_marker("no_cover")
