"""How the server is set up: sign-in, version and database, destinations, disk."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import django
from django.conf import settings
from django.db import connection

from foundryflow.database.sqlite_file import sqlite_file
from foundryflow.system.notes import BACKUP_LIMIT, LOOPBACK, WARN
from foundryflow.system.registry import BoundedCount
from foundryflow.system.sheet_parts import OK, SystemCell, SystemRow, SystemSheet, link_to
from foundryflow.system.snapshot import SystemSnapshot
from foundryflow.system.words import clock_words, day_words, size_words
from foundryflow.version import VERSION


def sign_in_sheet() -> SystemSheet:
    return SystemSheet(
        "sign-in",
        "Mail and sign-in",
        [
            SystemRow("Mail", SystemCell(mail_words()), "FOUNDRYFLOW_EMAIL_URL"),
            SystemRow("Sign-in", SystemCell(sign_in_words()), link=link_to("people:list", "People")),
        ],
    )


def mail_words() -> str:
    server = settings.MAIL_SERVER
    if not server.host:
        return "no server; invitations are shown as links"
    return f"{server.host}:{server.port}"


def sign_in_words() -> str:
    ways = ["password with two-factor"] if settings.PASSWORD_SIGN_IN else []
    ways += [provider.name for provider in settings.IDENTITY_PROVIDERS]
    return ", ".join(ways) or "nobody can sign in"


# Version, destinations, disk


def version_sheet(snapshot: SystemSnapshot) -> SystemSheet:
    missing = snapshot.missing_migrations
    migrations = SystemCell(f"{missing:,} not applied", WARN) if missing else SystemCell("all applied", OK)
    return SystemSheet(
        "version",
        "Version and database",
        [
            SystemRow("FoundryFlow", SystemCell(VERSION), link=link_to("system:changes", "What is new")),
            SystemRow("Python, Django", SystemCell(f"{platform.python_version()}, {django.get_version()}")),
            SystemRow("Database", SystemCell(database_words()), settings.DATABASE_VARIABLE),
            SystemRow("Migrations", migrations),
            SystemRow(
                "Address", SystemCell(address_words()), "FOUNDRYFLOW_HOSTS", whole=", ".join(settings.ALLOWED_HOSTS)
            ),
            SystemRow("HTTPS", SystemCell("required" if settings.HTTPS else "not required"), "FOUNDRYFLOW_HTTPS"),
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
    names = [host for host in settings.ALLOWED_HOSTS if host not in LOOPBACK]
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
            SystemRow("Public addresses", SystemCell("all, by https")),
            SystemRow(
                "Inside",
                SystemCell(first_of(inside) or "none"),
                "FOUNDRYFLOW_ALLOWED_DESTINATIONS",
                whole=", ".join(inside),
            ),
            SystemRow("Refused today", SystemCell(said), link=link_to("audit:list", "Audit")),
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
    free = SystemCell("not known")
    if volume is not None:
        style = WARN if volume.is_nearly_full else ""
        free = SystemCell(f"{size_words(volume.free)} of {size_words(volume.total)} free", style)
    where = "Server's disk" if settings.POSTGRESQL else "Disk"
    return SystemSheet(
        "disk",
        "Disk",
        [
            SystemRow("Database", SystemCell(size)),
            SystemRow(where, free, whole=str(volume.path) if volume else ""),
            SystemRow("Last backup", backup_cell(snapshot)),
        ],
    )


def backup_cell(snapshot: SystemSnapshot) -> SystemCell:
    backup = snapshot.backup
    if backup is None:
        return SystemCell("none yet", WARN)
    is_old = snapshot.at - backup.at > BACKUP_LIMIT
    said = f"{day_words(backup.at)} {clock_words(backup.at)[-5:]}, {size_words(backup.size)}"
    return SystemCell(said, WARN if is_old else OK)
