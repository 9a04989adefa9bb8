"""The sheets of the System page: what each row says, and which variable decides it. No secret is in it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass

import django
from django.conf import settings
from django.db import connection
from django.urls import NoReverseMatch, reverse

from foundryflow.database import sqlite_file
from foundryflow.system.key_counts import KeyState
from foundryflow.system.notes import BACKUP_LIMIT, BAD, WARN, engine_kind, secrets_words
from foundryflow.system.processes import WORKER, KnownProcess, ProcessState
from foundryflow.system.registry import BoundedCount
from foundryflow.system.snapshot import SystemSnapshot
from foundryflow.system.words import clock_words, day_words, second_words, size_words, span_words
from foundryflow.version import VERSION

OK, MUTE = "ok", "mute"
ICONS = {OK: "circle-check", WARN: "triangle-alert", BAD: "circle-x", MUTE: "circle-minus"}
ORDINALS = ("1st", "2nd", "3rd")


@dataclass(frozen=True)
class Cell:
    """A value, its state if it has one, and what stands below it."""

    text: str
    style: str = ""  # of a state
    below: str = ""
    is_number: bool = False
    code: str = ""  # behind the text, as a machine says it
    unit: str = ""  # where a list has no heads of columns

    @property
    def icon(self) -> str:
        return ICONS.get(self.style, "")


@dataclass(frozen=True)
class Link:
    words: str
    address: str


@dataclass(frozen=True)
class SystemRow:
    label: str
    value: Cell
    variable: str = ""  # that decides it
    link: Link | None = None
    whole: str = ""  # where the value is cut


@dataclass(frozen=True)
class SystemSheet:
    id: str
    title: str
    rows: Sequence[SystemRow] = ()
    columns: Sequence[str] = ()
    table: Sequence[Sequence[Cell]] = ()
    pill: Cell | None = None
    link: Link | None = None
    foot: str = ""
    command: str = ""  # behind the foot

    @property
    def words_columns(self) -> int:
        """How many columns stand before those of numbers."""
        return sum(not cell.is_number for cell in self.table[0])


def left_sheets(snapshot: SystemSnapshot) -> list[SystemSheet]:
    return [engine_sheet(snapshot), queue_sheet(snapshot), key_sheet(snapshot.keys), sign_in_sheet()]


def right_sheets(snapshot: SystemSnapshot) -> list[SystemSheet]:
    return [version_sheet(snapshot), destination_sheet(snapshot)]


def link_to(name: str, words: str) -> Link | None:
    """None where there is no such page."""
    try:
        return Link(words, reverse(name))
    except NoReverseMatch:
        return None


# Engine and workers

STYLES = {ProcessState.ANSWERING: OK, ProcessState.STOPPED: MUTE, ProcessState.NOT_HEARD: BAD}


def engine_sheet(snapshot: SystemSnapshot) -> SystemSheet:
    return SystemSheet(
        "engine",
        "Engine and workers",
        columns=("Process", "State", "Last heard", "Runs now", "Memory"),
        table=[process_cells(known) for known in snapshot.processes],
        pill=engine_pill(snapshot.processes),
        foot="" if snapshot.processes else "No process was heard yet. Each says every 5 seconds that it lives.",
    )


def process_cells(known: KnownProcess) -> list[Cell]:
    process, heard = known.process, clock_words(known.process.seen_at, seconds=True)
    return [
        Cell(str(process), below=process.host),
        Cell(known.state.value, STYLES[known.state]),
        Cell(f"{heard}, in order" if known.state is ProcessState.STOPPED else heard),
        Cell(runs_words(known), is_number=True, unit="" if known.state is ProcessState.NOT_HEARD else "runs"),
        Cell(size_words(process.memory) if known.is_answering and process.memory else "", is_number=True),
    ]


def runs_words(known: KnownProcess) -> str:
    """What a process that fell silent has left is handed on by the others, if there are any."""
    process = known.process
    if known.state is not ProcessState.NOT_HEARD:
        return f"{process.runs:,}"
    if process.handed_on:
        return f"{process.handed_on:,} handed on"
    return f"{process.runs:,} to hand on" if process.runs else "0"


def engine_pill(processes: Sequence[KnownProcess]) -> Cell:
    """On SQLite the web process is the engine."""
    kind = engine_kind()
    engines = [known for known in processes if known.process.kind == kind]
    answering = sum(known.is_answering for known in engines)
    if kind != WORKER:
        return Cell("Runs in the server", OK) if answering else Cell("Not running", BAD)
    if not engines:
        return Cell("No worker", BAD)
    style = OK if answering == len(engines) else WARN if answering else BAD
    if any(known.state is ProcessState.NOT_HEARD for known in engines) or not answering:
        return Cell(f"{answering} of {len(engines)} worker{'s' if len(engines) > 1 else ''}", style)
    return Cell(f"{answering} worker{'s' if answering > 1 else ''}", OK)


# Queue, keys, sign-in


def queue_sheet(snapshot: SystemSnapshot) -> SystemSheet:
    queue = snapshot.queue
    waiting = queue.waiting.words("run")
    if queue.oldest_for is not None:
        waiting += f", the oldest for {span_words(queue.oldest_for)}"
    begun = "no run was started today"
    if queue.median is not None and queue.until is not None:
        begun = f"median {second_words(queue.median)}, today until {clock_words(queue.until)}"
    return SystemSheet(
        "queue",
        "Queue",
        [
            SystemRow("Waiting", Cell(waiting)),
            SystemRow("Waiting for quota", Cell(queue.for_quota.words("run"))),
            SystemRow("Took until started", Cell(begun)),
        ],
        link=Link("Runs", queue.address) if queue.address else None,
    )


def key_sheet(keys: KeyState) -> SystemSheet:
    ring = [key_cells(place, keys) for place in range(len(keys.fingerprints))]
    lost = [
        [Cell("Missing", code=name), Cell("Not in the ring", BAD), Cell("", is_number=True)] for name in keys.missing
    ]
    return SystemSheet(
        "keys",
        "Encryption keys",
        columns=("Key", "State", "Secrets under it"),
        table=ring + lost,
        pill=Cell(f"Rotation at {keys.percent} %", WARN) if keys.percent is not None else None,
        foot=key_foot(keys),
        command="manage.py rotate_encryption_key" if keys.behind else "",
    )


def key_cells(place: int, keys: KeyState) -> list[Cell]:
    name, counts = keys.fingerprints[place], keys.counts
    number = counts.by_key[name] if counts else 0
    state = Cell("Encrypts", OK) if place == 0 else Cell("Still needed", WARN) if number else Cell("May go", MUTE)
    if place and counts is None:
        state = Cell("Opens", MUTE)
    return [
        Cell(ordinal(place), code=name),
        state,
        Cell(f"{number:,}" if counts else "counting", is_number=True, unit="secrets"),
    ]


def ordinal(place: int) -> str:
    return ORDINALS[place] if place < len(ORDINALS) else f"{place + 1}th"


def key_foot(keys: KeyState) -> str:
    lost = keys.counts.unreadable if keys.counts else 0
    if keys.behind:
        which = "the 2nd key" if len(keys.fingerprints) == 2 else "former keys"
        are = "is" if keys.behind == 1 else "are"
        return f"{secrets_words(keys.behind)} {are} still under {which}. Afterwards it can be taken out. Go on with"
    if lost:
        return f"No key opens {secrets_words(lost)}: enter them again, or put the former key back."
    if keys.counts and len(keys.fingerprints) > 1:
        return "Everything is under the 1st key; the others can be taken out of FOUNDRYFLOW_ENCRYPTION_KEY."
    return ""


def sign_in_sheet() -> SystemSheet:
    return SystemSheet(
        "sign-in",
        "Mail and sign-in",
        [
            SystemRow("Mail", Cell(mail_words()), "FOUNDRYFLOW_EMAIL_URL"),
            SystemRow("Sign-in", Cell(sign_in_words()), link=link_to("people:list", "People")),
        ],
    )


def mail_words() -> str:
    server = getattr(settings, "MAIL_SERVER", None)
    if server is None or not server.host:
        return "no server; invitations are shown as links"
    return f"{server.host}:{server.port}"


def sign_in_words() -> str:
    ways = ["password with two-factor"] if getattr(settings, "PASSWORD_SIGN_IN", True) else []
    ways += [provider.name for provider in getattr(settings, "IDENTITY_PROVIDERS", ())]
    return ", ".join(ways) or "nobody can sign in"


# Version, destinations, disk


def version_sheet(snapshot: SystemSnapshot) -> SystemSheet:
    missing = snapshot.missing_migrations
    migrations = Cell(f"{missing:,} not applied", WARN) if missing else Cell("all applied", OK)
    return SystemSheet(
        "version",
        "Version and database",
        [
            SystemRow("FoundryFlow", Cell(VERSION), link=link_to("system:changes", "What is new")),
            SystemRow("Python, Django", Cell(f"{platform.python_version()}, {django.get_version()}")),
            SystemRow("Database", Cell(database_words()), settings.DATABASE_VARIABLE),
            SystemRow("Migrations", migrations),
            SystemRow("Address", Cell(address_words()), "FOUNDRYFLOW_HOSTS", whole=", ".join(settings.ALLOWED_HOSTS)),
            SystemRow("HTTPS", Cell("required" if settings.HTTPS else "not required"), "FOUNDRYFLOW_HTTPS"),
        ],
    )


def database_words() -> str:
    version = ".".join(str(part) for part in connection.get_database_version())
    if not settings.POSTGRESQL:
        return f"SQLite {version} in {sqlite_file().name}"
    database = settings.DATABASES["default"]
    host = str(database.get("HOST") or database.get("OPTIONS", {}).get("host") or "")
    return f"PostgreSQL {version} on {host if host and not host.startswith('/') else 'this machine'}"


def address_words() -> str:
    """The first name that is not of this machine."""
    names = [host for host in settings.ALLOWED_HOSTS if host not in ("localhost", "127.0.0.1", "[::1]")]
    more = f", and {len(names) - 1:,} more" if len(names) > 1 else ""
    if not names:
        return "only from this machine"
    return f"http{'s' if settings.HTTPS else ''}://{names[0]}{settings.PREFIX}{more}"


def destination_sheet(snapshot: SystemSnapshot) -> SystemSheet:
    inside, refused = settings.ALLOWED_DESTINATIONS, snapshot.refused
    said = f"{BoundedCount(refused.number).words('call')}, last to {refused.last}" if refused.number else "none"
    return SystemSheet(
        "destinations",
        "Destinations allowed",
        [
            SystemRow("Public addresses", Cell("all, by https")),
            SystemRow(
                "Inside", Cell(first_of(inside) or "none"), "FOUNDRYFLOW_ALLOWED_DESTINATIONS", whole=", ".join(inside)
            ),
            SystemRow("Refused today", Cell(said), link=link_to("audit:list", "Audit")),
        ],
    )


def first_of(names: Sequence[str]) -> str:
    """The first, and how many there are beside it."""
    if len(names) < 2:
        return "".join(names)
    return f"{names[0]}, and {len(names) - 1:,} more"


def disk_sheet(snapshot: SystemSnapshot) -> SystemSheet:
    size, growth = size_words(snapshot.database_size), snapshot.growth
    if growth is not None:
        size += f", {size_words(abs(growth))} {'more' if growth >= 0 else 'less'} a day"
    volume = snapshot.volume
    free = Cell("not known")
    if volume is not None:
        style = WARN if volume.is_nearly_full else ""
        free = Cell(f"{size_words(volume.free)} of {size_words(volume.total)} free", style)
    where = "Server's disk" if settings.POSTGRESQL else "Disk"
    return SystemSheet(
        "disk",
        "Disk",
        [
            SystemRow("Database", Cell(size)),
            SystemRow(where, free, whole=str(volume.path) if volume else ""),
            SystemRow("Last backup", backup_cell(snapshot)),
        ],
    )


def backup_cell(snapshot: SystemSnapshot) -> Cell:
    backup = snapshot.backup
    if backup is None:
        return Cell("none yet", WARN)
    is_old = snapshot.at - backup.at > BACKUP_LIMIT
    said = f"{day_words(backup.at)} {clock_words(backup.at)[-5:]}, {size_words(backup.size)}"
    return Cell(said, WARN if is_old else OK)
