"""Calls that were refused, in the audit log: at most one entry a minute for the same key, call and reason, with a
count, since programs repeat themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpRequest

from connections.models import Connection
from flows import engine
from flows.api.key_use import note_refused_use
from flows.api.shared_work import SharedWork
from flows.models import Flow, Run
from foundryflow.audit.record import Origin, Repeats, Subject, origin_of_key, record
from foundryflow.models import ApiKey
from foundryflow.models.audit_entry import Via
from foundryflow.proxies import caller_address

MINUTE = timedelta(minutes=1)
PAUSE = 1.0  # seconds between two writes of what is counted
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
    """One call. Those with the same `who`, `reason` and `call` are one entry, which names what the last of them asked
    for."""

    who: str
    reason: str
    origin: Origin
    key: int | None
    call: str  # the name of its view
    names: Mapping[str, str]  # what its address says: slug, run_id, name


_waiting: dict[tuple[str, str, str], tuple[Refusal, int]] = {}  # since the last write: the last, and how many


def note_refusal(request: HttpRequest, key: ApiKey, reason: str) -> None:
    note_refused_use(key)
    queue_refusal(refusal_of(request, f"key {key.begins}", reason, origin_of_key(key, request), key.pk))


def note_unknown_key(request: HttpRequest) -> None:
    """A key that has the shape of one, but that nobody has here. They are counted by the address of the caller."""
    address = caller_address(request)
    queue_refusal(refusal_of(request, address, "unknown key", Origin(Via.API, actor="API", address=address), None))


def refusal_of(request: HttpRequest, who: str, reason: str, origin: Origin, key: int | None) -> Refusal:
    match = request.resolver_match
    names = {name: str(value)[:200] for name, value in match.kwargs.items()} if match else {}
    return Refusal(who, reason, origin, key, (match.url_name or "") if match else "", names)


def queue_refusal(refusal: Refusal) -> None:
    alike = (refusal.who, refusal.reason, refusal.call)
    _, count = _waiting.get(alike, (refusal, 0))
    _waiting[alike] = refusal, count + 1
    writing.ask()


async def write_refusals() -> None:
    waiting = list(_waiting.values())
    _waiting.clear()
    if waiting:
        await engine.run_job(lambda: store_refusals(waiting))


def store_refusals(waiting: Iterable[tuple[Refusal, int]]) -> None:
    for refusal, count in waiting:
        store_refusal(refusal, count)


def store_refusal(refusal: Refusal, count: int) -> None:
    if refusal.key and not ApiKey.objects.filter(pk=refusal.key).exists():
        return  # it has gone with its person meanwhile
    verb, subject = subject_of(refusal)
    if refusal.reason in (OTHER_FLOW, NOT_NAMED) and subject.pk is None:
        return  # there is no such thing for any key
    of_key = refusal.key is not None
    record(
        refusal.origin,
        verb,
        subject,
        f"{refusal.who} {refusal.reason}" if of_key else refusal.reason,
        refused=True,
        data={"key": refusal.who} if of_key else {},
        repeats=Repeats(MINUTE, times=count, apart=f"{refusal.who} {refusal.reason} {refusal.call}"),
    )


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


writing = SharedWork(write_refusals, PAUSE)
