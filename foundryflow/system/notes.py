"""What is wrong with the server, the worst first. Each says what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from foundryflow.system.processes import WEB, WORKER, KnownProcess, ProcessState
from foundryflow.system.registry import QueueState
from foundryflow.system.snapshot import SystemSnapshot
from foundryflow.system.words import clock_words, day_words, span_words

BAD, WARN = "bad", "warn"
BACKUP_LIMIT = timedelta(days=7)
SILENCE_TOLD = timedelta(days=1)  # how long the end of a process is told while others answer
LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")


@dataclass(frozen=True)
class SystemNote:
    level: str  # BAD, WARN
    summary: str  # the first sentence
    detail: str = ""  # what else is known, and what to do
    command: str = ""  # to be typed, stands behind the detail
    address: str = ""  # of what it is about
    link: str = ""  # words that lead there

    @property
    def is_bad(self) -> bool:
        return self.level == BAD

    @property
    def icon(self) -> str:
        return "circle-x" if self.is_bad else "triangle-alert"

    def __str__(self) -> str:
        command = f"`{self.command}`" if self.command else ""
        return " ".join(filter(None, (self.summary, self.detail, command)))


def notes_of(snapshot: SystemSnapshot) -> list[SystemNote]:
    found = [note for check in CHECKS for note in check(snapshot)]
    return sorted(found, key=lambda note: not note.is_bad)


def engine_note(processes: Sequence[KnownProcess], queue: QueueState) -> SystemNote | None:
    """That nobody executes runs; None when somebody does."""
    if is_engine_answering(processes):
        return None
    kind = engine_kind()
    engines = [known for known in processes if known.process.kind == kind]
    waits = queue.waiting.number
    summary = f"No {kind_words()} is running."
    if waits:
        summary = f"{queue.waiting.words('run')} wait{'s' if waits == 1 else ''} and no {kind_words()} is running."
    return SystemNote(
        BAD,
        summary,
        f"{last_words(engines)}{'Nothing is lost; start one:' if waits else 'Start one, else runs wait:'}",
        "manage.py worker" if kind == WORKER else "manage.py serve",
        queue.waiting_address if waits else "",
        f"Show the {queue.waiting.words('run')}" if waits and not queue.waiting.more else "Show the runs",
    )


def is_engine_answering(processes: Sequence[KnownProcess]) -> bool:
    return any(known.is_answering for known in processes if known.process.kind == engine_kind())


def engine_kind() -> str:
    """Of the processes that execute runs."""
    return WORKER if settings.POSTGRESQL else WEB


def kind_words() -> str:
    return "worker" if engine_kind() == WORKER else "server process"


def last_words(engines: Sequence[KnownProcess]) -> str:
    """Of the one that was there last, with a space behind."""
    if not engines:
        return ""
    last = max(engines, key=lambda known: known.process.seen_at)
    moment = clock_words(last.process.seen_at, seconds=True)
    if last.state is ProcessState.STOPPED:
        return f"{last.process} was stopped in order at {moment}. "
    return f"{last.process} was last heard at {moment}. "


def check_engine(snapshot: SystemSnapshot) -> list[SystemNote]:
    note = engine_note(snapshot.processes, snapshot.queue)
    return [note] if note else silent_processes(snapshot)


def silent_processes(snapshot: SystemSnapshot) -> list[SystemNote]:
    silent = [
        known.process
        for known in snapshot.processes
        if known.is_missed and snapshot.at - known.process.heard_at < SILENCE_TOLD
    ]
    return [
        SystemNote(
            WARN,
            f"{process} on {process.host} was last heard at {clock_words(process.heard_at, seconds=True)}.",
            f"{handed_on_words(process.handed_on)}Look into its log, then start it again.",
        )
        for process in silent
    ]


def handed_on_words(runs: int) -> str:
    if not runs:
        return ""
    return f"{'Its run was' if runs == 1 else f'Its {runs:,} runs were'} handed on. "


def check_migrations(snapshot: SystemSnapshot) -> list[SystemNote]:
    missing = snapshot.missing_migrations
    if not missing:
        return []
    said = f"{missing:,} migration{' is' if missing == 1 else 's are'} not applied."
    return [SystemNote(WARN, said, "The database is not as this version needs it:", "manage.py migrate")]


def check_disk(snapshot: SystemSnapshot) -> list[SystemNote]:
    volume = snapshot.volume
    if volume is None or not volume.is_nearly_full:
        return []
    said = f"The disk of {volume.path} is {volume.percent_used} % full."
    return [
        SystemNote(WARN, said, "Runs wait while nothing can be written. Make room, or keep runs for a shorter time.")
    ]


def check_clocks(snapshot: SystemSnapshot) -> list[SystemNote]:
    notes = []
    for known in snapshot.processes:
        if known.has_wrong_clock:
            ahead = known.process.clock_error
            way = "ahead of" if ahead > timedelta(0) else "behind"
            said = f"The clock of {known.process.host} is {span_words(abs(ahead))} {way} that of the database."
            doing = f"{known.process} goes by it: times are wrong, and waits too long or too short. Set it by NTP."
            notes.append(SystemNote(WARN, said, doing))
    return notes


def check_keys(snapshot: SystemSnapshot) -> list[SystemNote]:
    keys, notes = snapshot.keys, []
    if keys.counts and keys.counts.unreadable:
        notes.append(
            SystemNote(
                WARN,
                f"No key opens {secrets_words(keys.counts.unreadable)}.",
                "Put the former key at the end of FOUNDRYFLOW_ENCRYPTION_KEY, or enter them again. What they are:",
                "manage.py rotate_encryption_key --check",
            )
        )
    if keys.percent is not None:
        notes.append(
            SystemNote(
                WARN,
                f"The rotation of the encryption key is at {keys.percent} %.",
                f"{secrets_words(keys.behind)} still need{'s' if keys.behind == 1 else ''} a former key. Go on with",
                "manage.py rotate_encryption_key",
            )
        )
    return notes


def secrets_words(number: int) -> str:
    return f"{number:,} secret{'' if number == 1 else 's'}"


def check_debug(snapshot: SystemSnapshot) -> list[SystemNote]:
    if not settings.DEBUG:
        return []
    return [
        SystemNote(WARN, "FOUNDRYFLOW_DEBUG is on.", "Errors show the inside of the server to everybody. Unset it.")
    ]


def check_https(snapshot: SystemSnapshot) -> list[SystemNote]:
    others = [host for host in settings.ALLOWED_HOSTS if host not in LOOPBACK]
    if settings.HTTPS or not others:
        return []
    said = f"This server may be reached as {others[0]} without HTTPS."
    return [SystemNote(WARN, said, "Passwords and keys go over the network in the open. Set FOUNDRYFLOW_HTTPS=true.")]


def check_backup(snapshot: SystemSnapshot) -> list[SystemNote]:
    backup = snapshot.backup
    if backup is None:
        return [
            SystemNote(WARN, "There is no backup.", "Make one, and one a day from now on:", "manage.py backup FILE")
        ]
    if snapshot.at - backup.at <= BACKUP_LIMIT:
        return []
    said = f"The last backup is of {day_words(backup.at)}."
    return [SystemNote(WARN, said, "Make one, and one a day from now on:", "manage.py backup FILE")]


CHECKS: tuple[Callable[[SystemSnapshot], list[SystemNote]], ...] = (
    check_engine,
    check_migrations,
    check_disk,
    check_clocks,
    check_keys,
    check_debug,
    check_https,
    check_backup,
)
