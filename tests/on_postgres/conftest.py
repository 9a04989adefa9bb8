"""Collected only where the database is PostgreSQL: `tests/test_on_postgres.py` brings one."""

from django.conf import settings

from tests.engine.conftest import counting, start

if not settings.POSTGRESQL:
    collect_ignore_glob = ["test_*.py"]

__all__ = ["counting", "start"]
