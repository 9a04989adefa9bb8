"""Calls that were refused, in the audit log: at most one entry a minute for the same key and reason, with a count,
since programs repeat themselves."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from connections.models import Connection
from flows import engine
from flows.api.key_use import note_refused_use
from flows.api.soon import Soon
from flows.models import Flow, Run
from foundryflow.audit.record import Origin, Subject, origin_of_key, record
from foundryflow.models import ApiKey, AuditEntry
from foundryflow.models.audit_entry import Via
from foundryflow.proxies import caller_address

MINUTE = 60.0
PAUSE = 1.0  # seconds between two writes of what is counted
MOST = 10_000  # refusals remembered
STARTED = ("tried to start a run of", "")
TRIED = {  # by the name of the view
    "list_flows": ("tried to list", "flows"),
    "list_runs": ("tried to list", "runs"),
    "show_run": ("tried to read", ""),
    "follow_run": ("tried to follow", ""),
    "cancel_run": ("tried to stop", ""),
    "retry_run": ("tried to restart", ""),
    "show_usage": ("tried to read", "usage"),
    "test_connection": ("tried to test", ""),
}
OTHER_FLOW, NOT_NAMED = "is not for this flow", "has no flow that names this connection"


@dataclass(frozen=True)
class Refusal:
    """One call. Those with the same `who` and `reason` are one entry."""

    who: str
    reason: str
    origin: Origin
    key: int | None
    call: str  # the name of its view
    names: Mapping[str, str]  # what its address says: slug, run_id, name


_begun: dict[tuple[str, str], float] = {}  # when the entry of the minute was written
_waiting: dict[tuple[str, str], tuple[Refusal, int]] = {}  # with how many of them


def note_refusal(request: HttpRequest, key: ApiKey, reason: str) -> None:
    note_refused_use(key)
    note(refusal_of(request, f"key {key.begins}", reason, origin_of_key(key, request), key.pk))


def note_unknown(request: HttpRequest) -> None:
    """A key that has the shape of one, but that nobody has here. They are counted by the address of the caller."""
    address = caller_address(request)
    note(refusal_of(request, address, "unknown key", Origin(Via.API, actor="API", address=address), None))


def refusal_of(request: HttpRequest, who: str, reason: str, origin: Origin, key: int | None) -> Refusal:
    match = request.resolver_match
    names = {name: str(value)[:200] for name, value in match.kwargs.items()} if match else {}
    return Refusal(who, reason, origin, key, (match.url_name or "") if match else "", names)


def note(refusal: Refusal) -> None:
    which, now = (refusal.who, refusal.reason), time.monotonic()
    _, count = _waiting.get(which, (refusal, 0))
    if len(_begun) > MOST:
        _begun.clear()
    is_first = now - _begun.get(which, -MINUTE) >= MINUTE
    if is_first:
        _begun[which] = now
    _waiting[which] = refusal, count + 1
    writing.ask(at_once=is_first)


async def write_refusals() -> None:
    waiting = list(_waiting.values())
    _waiting.clear()
    if waiting:
        await engine.run_job(lambda: store_refusals(waiting))


def store_refusals(waiting: Iterable[tuple[Refusal, int]]) -> None:
    for refusal, count in waiting:
        store_refusal(refusal, count)


def store_refusal(refusal: Refusal, count: int) -> None:
    """Adds to the entry of the last minute, also to one of another process; else makes one."""
    key = ApiKey.objects.select_related("created_by").filter(pk=refusal.key).first() if refusal.key else None
    if refusal.key and key is None:
        return  # it has gone with its person meanwhile
    detail = f"{refusal.who} {refusal.reason}" if key else refusal.reason
    since = timezone.now() - timedelta(seconds=MINUTE + PAUSE)
    same = AuditEntry.objects.filter(at__gt=since, via=Via.API, is_refused=True, detail=detail)
    same = same if key else same.filter(address=refusal.origin.address)
    if entry := same.values_list("pk", flat=True).first():
        AuditEntry.objects.filter(pk=entry).update(count=F("count") + count)
        return
    verb, subject = subject_of(refusal)
    if refusal.reason in (OTHER_FLOW, NOT_NAMED) and subject.pk is None:
        return  # there is no such thing for any key
    record(refusal.origin, verb, subject, detail, refused=True, data={"key": refusal.who} if key else {})
    if count > 1 and (newest := same.values_list("pk", flat=True).first()):
        AuditEntry.objects.filter(pk=newest).update(count=count)


def subject_of(refusal: Refusal) -> tuple[str, Subject]:
    """What was tried, and what with: "tried to start a run of", Summarise contract."""
    verb, of_all = TRIED.get(refusal.call, STARTED if "slug" in refusal.names else ("tried to call", "the API"))
    if slug := refusal.names.get("slug"):
        flow = Flow.objects.in_designer().filter(slug=slug).values_list("name", "pk").first()
        return verb, Subject("flow", *flow) if flow else Subject("flow", slug)
    if run := refusal.names.get("run_id"):
        there = Run.objects.filter(pk=int(run)).exists()
        return verb, Subject("run", f"run {run}", int(run) if there else None)
    if name := refusal.names.get("name"):
        pk = Connection.objects.filter(name=name).values_list("pk", flat=True).first()
        return verb, Subject("connection", name, pk)
    return verb, Subject("", of_all)


writing = Soon(write_refusals, PAUSE)
