"""`python manage.py restore FILE`: brings a backup back into an empty database, or in the place of what is there."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from foundryflow.backup.format import BackupPart
from foundryflow.backup.level import Level
from foundryflow.backup.read import Backup, open_backup
from foundryflow.backup.restore import check_keys_for, restore_backup
from foundryflow.encryption.keys import key_ring
from foundryflow.management.backups import Progress, sentences
from foundryflow.management.key_checks import add_without_secrets


class Command(BaseCommand):
    help = "Brings a backup back into an empty database. Nothing is written before all of it has been checked."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file")
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument("--check", action="store_true", help="only say whether it is whole, and what is in it")
        ways.add_argument("--replace", action="store_true", help="replace everything that the database holds")
        add_without_secrets(parser)

    def handle(self, *args: Any, file: str, check: bool, replace: bool, without_secrets: bool, **options: Any) -> None:
        settings.WITHOUT_SECRETS = without_secrets
        path = Path(file)
        with sentences("Stopped. The database is as it was."), open_backup(path) as backup:
            self.verify(backup)
            self.stdout.write(self.content(path, backup))
            if not without_secrets:
                check_keys_for(backup.manifest, key_ring())
            if not check:
                self.restore(path, backup, replace)

    def verify(self, backup: Backup) -> None:
        """Raises BackupError."""
        Level().check(backup.manifest)
        backup.verify(self.progress("checked"))

    def restore(self, path: Path, backup: Backup, replace: bool) -> None:
        began = time.monotonic()
        restore_backup(backup, path.name, replace=replace, tell=self.progress("written"))
        self.stdout.write(
            f"Restored {backup.manifest.rows:,} rows in {time.monotonic() - began:.1f} s. Everybody has to sign in"
            " again. Runs that had not ended go on when the server, or a worker, is started."
        )

    def content(self, path: Path, backup: Backup) -> str:
        manifest = backup.manifest
        return (
            f"{path.name} is whole: {manifest.rows:,} rows of {manifest.made}, made by FoundryFlow {manifest.version}"
            f" on {manifest.database}, sealed with the encryption key {', '.join(manifest.keys)}."
        )

    def progress(self, deed: str) -> Any:
        progress = Progress(self.stderr, deed)

        def tell(part: BackupPart, rows: int) -> None:
            progress.tell(part.table.label, rows, part.rows)

        return tell
