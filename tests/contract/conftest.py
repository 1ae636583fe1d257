"""The contract suites run on the fake and on the real thing; the real thing needs a database."""

from tests.integration.conftest import database, database_url, server_url, template_database

__all__ = ["database", "database_url", "server_url", "template_database"]
