"""Writes the audit log. Whoever changes something, uses a secret outside a run, or refuses somebody, says so here."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from foundryflow.audit.safe_text import safe_data, safe_text
from foundryflow.models import ApiKey, AuditEntry
from foundryflow.models.audit_entry import Via
from foundryflow.names import name_of
from foundryflow.proxies import caller_address

TABLE = connection.ops.quote_name(AuditEntry._meta.db_table)
COUNT_MORE = f'UPDATE {TABLE} SET count = count + %s, at = %s WHERE id = %s AND "group" = %s'  # noqa: S608 - a name of our own
MOST_REMEMBERED = 1_000
_begun: dict[str, tuple[int, datetime]] = {}  # entries of this process that count, by group: number and first time
log = logging.getLogger("foundryflow.audit")


@dataclass(frozen=True)
class Origin:
    """Who acts, and from where; `source` says more of where from, such as the fingerprint of a key."""

    via: Via
    by: User | None = None
    actor: str = ""
    address: str = ""
    source: str = ""


def os_user() -> str:
    """Who runs this process, by the name of the operating system."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may give a number that has no name
        return str(os.getuid())


COMMAND = Origin(Via.COMMAND, actor=f"Command line · {os_user()}")
SERVER = Origin(Via.SERVER, actor="System")


@dataclass(frozen=True)
class Subject:
    """What something is done to. The name stays readable when the thing is gone; the number leads to it while it is
    there."""

    kind: str
    name: str
    pk: int | None = None


@dataclass(frozen=True)
class Repeats:
    """That the same person doing the same to the same thing again within this time is one entry, which counts.

    `counted` says what the count is of: "times", "calls", "changes", or "more" beside the first.
    """

    within: timedelta = timedelta(minutes=10)
    counted: str = "times"
    times: int = 1
    apart: str = ""  # what else keeps entries apart


def origin_of(request: HttpRequest) -> Origin:
    """Of a page: whoever is signed in, or nobody yet."""
    user = getattr(request, "user", None)
    return origin_of_person(request, user if user is not None and user.is_authenticated else None)


def origin_of_person(request: HttpRequest, person: User | None) -> Origin:
    """Of a page whose person is not signed in yet, or not any more."""
    return Origin(Via.BROWSER, person, name_of(person), caller_address(request))


def origin_of_key(key: ApiKey, request: HttpRequest) -> Origin:
    """Of a call of the API."""
    return Origin(Via.API, key.created_by, f"API · {key.name}", caller_address(request), f"key {key.begins}")


def record(
    origin: Origin,
    verb: str,
    subject: Subject,
    detail: str = "",
    *,
    refused: bool = False,
    data: Mapping[str, Any] | None = None,
    repeats: Repeats | None = None,
) -> None:
    """In the transaction of what it tells, so that there is neither without the other.

    A sentence is made of who, `verb`, subject and `detail`; a detail that begins with a colon or a comma follows at
    once.
    """
    now = timezone.now()
    entry = AuditEntry(
        at=now,
        first_at=now,
        by=origin.by,
        actor=safe_text(origin.actor, 200),
        via=origin.via,
        address=safe_text(origin.address, 45),
        source=safe_text(origin.source, 100),
        verb=safe_text(verb, 60),
        kind=safe_text(subject.kind, 20),
        subject=safe_text(subject.name, 200),
        subject_id=subject.pk,
        detail=safe_text(detail, 500),
        is_refused=refused,
        data=safe_data(data or {}),
    )
    if repeats is not None:
        entry.group, entry.count = group_of(entry, repeats), repeats.times
        entry.data = {**entry.data, "counted": repeats.counted}
        if add_to_group(entry, repeats):
            return
    entry.save(force_insert=True)
    if entry.group:
        remember_group(entry)
    if settings.AUDIT_TO_LOG:
        line = json.dumps(as_json(entry), ensure_ascii=False)
        transaction.on_commit(lambda: log.info("%s", line))


def group_of(entry: AuditEntry, repeats: Repeats) -> str:
    """Equal for what is counted together. What one process counts no other waits for."""
    same = [entry.by_id, entry.actor, entry.via, entry.address, entry.verb, entry.kind, entry.is_refused]
    what = entry.subject if repeats.apart == "" else repeats.apart
    return hashlib.blake2b(json.dumps([*same, what, os.getpid()]).encode(), digest_size=16).hexdigest()


def add_to_group(entry: AuditEntry, repeats: Repeats) -> bool:
    """Counts it in the entry that there is; False when there is none."""
    since = entry.at - repeats.within
    known, first_at = _begun.get(str(entry.group), (None, since))
    if known is None or first_at <= since:
        alike = AuditEntry.objects.filter(group=entry.group, first_at__gt=since)
        known = alike.order_by("-first_at").values_list("pk", flat=True).first()
    if known is None:
        return False
    if repeats.counted == "more":
        return count_more(known, entry, repeats.times)
    newest = {"detail": entry.detail, "subject": entry.subject, "data": entry.data}
    begun = AuditEntry.objects.filter(pk=known, group=entry.group)
    return bool(begun.update(count=F("count") + repeats.times, at=entry.at, **newest))


def count_more(pk: int, entry: AuditEntry, times: int) -> bool:
    """Without the ORM, which would take ten times as long: the API starts hundreds of runs a second."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_MORE, [times, connection.ops.adapt_datetimefield_value(entry.at), pk, entry.group])
        return bool(cursor.rowcount)


def remember_group(entry: AuditEntry) -> None:
    """A transaction that is taken back leaves a number here that no entry of the group has: then it is begun anew."""
    if len(_begun) >= MOST_REMEMBERED:
        _begun.clear()
    _begun[str(entry.group)] = entry.pk, entry.first_at


def as_json(entry: AuditEntry) -> dict[str, Any]:
    """Everything that is known of it: what a row opens to, and a line of the log."""
    return {
        "id": entry.pk,
        "at": entry.at.isoformat(),
        **({"first_at": entry.first_at.isoformat(), "count": entry.count} if entry.group else {}),
        "who": {"person": entry.by_id, "name": entry.actor},
        "via": entry.via,
        "address": entry.address,
        "source": entry.source,
        "verb": entry.verb,
        "subject": {"kind": entry.kind, "name": entry.subject, "id": entry.subject_id},
        "detail": entry.detail,
        "outcome": "refused" if entry.is_refused else "done",
        "data": {name: value for name, value in entry.data.items() if name != "counted"},
    }
