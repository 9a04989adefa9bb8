"""`python manage.py backup FILE`: everything that is stored, in one file, while the server and its workers go on."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, BinaryIO

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, OutputWrapper
from django.db import DatabaseError

from foundryflow.backup.format import BackupError, Manifest
from foundryflow.backup.level import Level, applied_migrations
from foundryflow.backup.output import new_file
from foundryflow.backup.source import open_source
from foundryflow.backup.tables import tables_of
from foundryflow.backup.write import write_backup
from foundryflow.database.errors import MIGRATE, sentence_for_operators
from foundryflow.database.waiting import retry_while_away
from foundryflow.encryption.keys import key_ring
from foundryflow.management.backups import Progress, sentences
from foundryflow.management.key_checks import add_without_secrets, check_keys
from foundryflow.system.last_backup import record_backup
from foundryflow.system.words import size_words

BESIDE = (
    "Not in it, keep them elsewhere: .env with FOUNDRYFLOW_ENCRYPTION_KEY, which opens what is encrypted in it, and"
    " FOUNDRYFLOW_SECRET_KEY; SQLite files that connections open."
)


class Command(BaseCommand):
    help = "Writes everything that is stored into one file, while the server and its workers go on."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="where to; - is standard output")
        parser.add_argument("--force", action="store_true", help="replace a file that is there already")
        add_without_secrets(parser)

    def handle(self, *args: Any, file: str, force: bool, without_secrets: bool, **options: Any) -> None:
        settings.WITHOUT_SECRETS = without_secrets
        with sentences("Stopped. No backup was written."):
            if applied_migrations() != Level().newest:
                raise BackupError(MIGRATE)
            check_keys()
            if file == "-":
                if sys.stdout.isatty():
                    raise BackupError("A backup is not shown on a terminal: name a file, or lead it into a program.")
                self.write(sys.stdout.buffer, "standard output", self.stderr)
            else:
                path = Path(file)
                with new_file(path, force=force) as out:
                    manifest, size, took = self.copy(out)
                self.finish(path.name, manifest, size, took, self.stdout)

    def write(self, out: BinaryIO, name: str, words: OutputWrapper) -> None:
        self.finish(name, *self.copy(out), words)

    def copy(self, out: BinaryIO) -> tuple[Manifest, int, float]:
        """What is in it, its size in bytes, and the seconds that it took."""
        began, progress = time.monotonic(), Progress(self.stderr, "read")
        with open_source() as source:
            manifest, size = write_backup(
                source,
                out,
                tables_of(apps),
                Level().newest,
                key_ring(),
                lambda table, rows, total: progress.tell(table.label, rows, total),
            )
        out.flush()
        return manifest, size, time.monotonic() - began

    def finish(self, name: str, manifest: Manifest, size: int, took: float, words: OutputWrapper) -> None:
        words.write(f"{name}: {manifest.rows:,} rows in {size_words(size)}, made in {took:.1f} s.")
        words.write(f"Restoring it needs the encryption key {', '.join(manifest.keys)}. {BESIDE}")
        if manifest.unreadable:
            self.stderr.write(f"{manifest.unreadable:,} encrypted values in it are opened by none of the keys here.")
        try:
            retry_while_away(lambda: record_backup(name, size, manifest.rows))
        except DatabaseError as error:
            self.stderr.write(f"The backup is whole, but the log does not say so. {sentence_for_operators(error)}")
