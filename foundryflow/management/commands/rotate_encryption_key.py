"""`python manage.py rotate_encryption_key`: seals everything with the first key of the ring, while the service runs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from foundryflow.audit.record import COMMAND, Subject, record
from foundryflow.encryption.columns import NamedRows, encrypted_columns
from foundryflow.encryption.keys import SETTING, NotMigrated, forget_former_keys, is_known, is_migrated, key_ring
from foundryflow.encryption.rotation import KeyReading, read_everything, rotate
from foundryflow.management.key_checks import check_keys
from foundryflow.models import KeyCanary
from foundryflow.throttle import Throttle

INTERRUPTED = 130  # exit status, as of shells


class Command(BaseCommand):
    help = "Seals everything that is stored encrypted with the first key of the ring, while the service runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument("--check", action="store_true", help="only say what is sealed with which key")
        ways.add_argument(
            "--forget",
            action="store_true",
            help="go on without a key that is lost for good; what it sealed has to be entered again",
        )
        ways.add_argument("--stopped", action="store_true", help="nothing is running, so nothing has to be restarted")

    def handle(self, *args: Any, check: bool, forget: bool, stopped: bool, **options: Any) -> None:
        if not is_migrated():
            raise CommandError(str(NotMigrated()))
        try:
            if check:
                self.check_verb()
            elif forget:
                self.forget_verb()
            else:
                self.rotate_verb(stopped)
        except KeyboardInterrupt:
            said = "Stopped. What is sealed anew stays so; start it again to go on."
            raise CommandError(said, returncode=INTERRUPTED) from None

    def check_verb(self) -> None:
        """Raises CommandError when something needs another key than the first."""
        keys, read = key_ring(), read_everything(key_ring(), self.progress(), renew=False)
        for place, name in enumerate(keys.fingerprints):
            does = "seals and opens" if place == 0 else "opens"
            self.stdout.write(f"{name}  {does}, {read.keys[name]:,} sealed with it")
        missing = KeyCanary.objects.exclude(fingerprint__in=keys.fingerprints)
        for canary in missing if read.unreadable else ():
            since = f"{canary.sealed_at:%Y-%m-%d %H:%M} UTC"
            self.stdout.write(f"{canary.fingerprint}  is missing; the first since {since}")
        if read.unreadable:
            raise CommandError(f"No key opens: {read.unreadable}.")
        if read.former:
            raise CommandError(f"Sealed with a former key: {read.former}.")
        self.stdout.write(f"Everything is sealed with {keys.first}: {read.count:,}.")

    def forget_verb(self) -> None:
        forgotten = forget_former_keys()
        if forgotten:
            record(COMMAND, "gave up", Subject("server", f"the lost encryption key {', '.join(forgotten)}"))
        said = f"Forgotten: {', '.join(forgotten)}." if forgotten else "No key is missing."
        self.stdout.write(f"{said} `rotate_encryption_key --check` names what has to be entered again.")

    def rotate_verb(self, stopped: bool) -> None:
        keys = key_ring()
        canaries = list(KeyCanary.objects.all())
        if canaries and not is_known(keys.first, canaries) and not stopped:
            raise CommandError(
                f"No process has been started with the key {keys.first} in front, and those that are running could not"
                f" read what it seals. Restart all of them with this {SETTING}, then start this again. If nothing is"
                " running: --stopped."
            )
        check_keys()
        subject = Subject("server", "the encryption key")
        record(COMMAND, "began to rotate", subject, f"to {keys.first}")
        self.stdout.write(
            f"Sealing everything with {keys.first}. Processes that have not been restarted with it in front cannot"
            " read what it seals. Ctrl C stops this; started again, it goes on."
        )
        read = rotate(keys, self.progress(), self.tell_late)
        if read.former:
            raise CommandError(
                f"Former keys are still in use, the last time for {read.former}: a process has one of them in front."
                f" Restart every process with {keys.first} in front, then start this again."
            )
        record(COMMAND, "rotated", subject, f"to {keys.first}: {read.renewed:,} values sealed anew")
        self.tell_end(read, keys.first, keys.fingerprints[1:])

    def progress(self) -> Any:
        """Says at most once a second how far it is."""
        total, due = sum(column.count() for column in encrypted_columns()), Throttle(1.0)
        due()

        def tell(read: KeyReading) -> None:
            if due():
                self.stdout.write(f"  {read.count:,} of {total:,} read, {read.renewed:,} sealed anew")
                self.stdout.flush()

        return tell

    def tell_late(self, former: NamedRows) -> None:
        self.stderr.write(
            f"Written meanwhile with a former key: {former}. A process still has it in front: restart it."
        )

    def tell_end(self, read: KeyReading, first: str, former: list[str]) -> None:
        kinds = ", ".join(f"{count:,} of {kind}" for kind, count in sorted(read.kinds.items())) or "nothing is stored"
        self.stdout.write(f"{read.renewed:,} sealed anew. Read once more: every value opens with {first} ({kinds}).")
        if read.unreadable:
            self.stderr.write(f"Except those that no key opens, to be entered again: {read.unreadable}.")
        if former:
            self.stdout.write(
                f"The former key {', '.join(former)} may go: restart every process with {first} alone in {SETTING}."
            )
