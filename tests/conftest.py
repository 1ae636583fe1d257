"""What holds for all tests: nothing fails because a machine is slow."""

from hypothesis import settings

settings.register_profile("daybook", deadline=None)
settings.load_profile("daybook")

pytest_plugins = ["tests.support.databases"]
