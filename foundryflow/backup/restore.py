"""Brings a backup back: everything, or nothing."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection, transaction

from foundryflow.audit.record import COMMAND, Subject, record
from foundryflow.backup import restored
from foundryflow.backup.format import BackupError, Manifest, Tell
from foundryflow.backup.level import Level, migrate_to
from foundryflow.backup.load import load_into_postgresql, load_into_sqlite
from foundryflow.backup.read import Backup
from foundryflow.backup.target import replaced_database
from foundryflow.database.sqlite_file import sqlite_file
from foundryflow.encryption.keys import SETTING, KeyRing, ring_sentence


def check_keys_for(manifest: Manifest, keys: KeyRing) -> None:
    """Raises BackupError unless the ring has every key that sealed something in the backup."""
    missing = sorted({*manifest.keys} - {*keys.fingerprints})
    if missing:
        one = "key" if len(missing) == 1 else "keys"
        raise BackupError(
            f"This backup needs the encryption {one} {' and '.join(missing)}. {ring_sentence(keys)} Put the missing"
            f" {one} at the end of {SETTING} (own,missing): it stands in .env of the installation that made the backup."
            " If it is lost, restore with --without-secrets: what it sealed then has to be entered again."
        )


def restore_backup(backup: Backup, name: str, *, replace: bool, tell: Tell) -> None:
    """Into the default database. Raises BackupError, DatabaseError, OSError; then it holds what it held before."""
    manifest = backup.manifest
    with replaced_database(replace=replace):
        is_newest = manifest.migrations == Level().newest
        if is_newest:
            migrate()
        else:
            migrate_to(manifest.migrations)
        load(backup, tell)
        if not is_newest:
            migrate()  # and what is counted by triggers is counted anew
        with transaction.atomic():
            restored.send(sender=Backup)
            record(COMMAND, "restored a backup of", Subject("backup", manifest.made), name)


def load(backup: Backup, tell: Tell) -> None:
    if connection.vendor == "postgresql":
        load_into_postgresql(backup, tell)
    else:
        connection.close()
        load_into_sqlite(sqlite_file(), backup, tell)


def migrate() -> None:
    call_command("migrate", verbosity=0, interactive=False)
