"""A throw-away installation for benchmarks: made-up keys, a database that goes with the process."""

from __future__ import annotations

import os
import tempfile

FOLDER = tempfile.TemporaryDirectory()


def set_up() -> None:
    from cryptography.fernet import Fernet

    os.environ.update(
        FOUNDRYFLOW_ENV_FILE=os.devnull,
        FOUNDRYFLOW_SECRET_KEY="only-for-benchmarks",
        FOUNDRYFLOW_ENCRYPTION_KEY=Fernet.generate_key().decode(),
        FOUNDRYFLOW_DATABASE_URL=f"sqlite:///{FOLDER.name}/bench.sqlite3",
        DJANGO_SETTINGS_MODULE="foundryflow.settings",
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
