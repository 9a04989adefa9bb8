"""What keeps a flow from being deleted: other flows that run it, and runs that are going."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from flows.language.document import DocumentError
from flows.lint import linter
from flows.models import LIVE, Flow, Revision, Run


@dataclass(frozen=True)
class Reason:
    """In a sentence, with the flows it is about."""

    sentence: str
    flows: list[Flow] = field(default_factory=list)

    def __str__(self) -> str:
        names = ", ".join(f"{flow.name} ({flow.slug})" for flow in self.flows)
        return f"{self.sentence} {names}".strip()


def reasons_to_keep(flow: Flow) -> list[Reason]:
    found = []
    if live := flow.runs.filter(state__in=LIVE).count():
        words = "1 run of this flow is" if live == 1 else f"{live} runs of this flow are"
        found.append(Reason(f"{words} still going. Stop {'it' if live == 1 else 'them'} first."))
    if callers := list(callers_of(flow)):
        found.append(Reason("Other flows run it. Take it out of them first:", callers))
    return found


def callers_of(flow: Flow) -> Iterator[Flow]:
    """Other flows that run this one: their draft, what they have published, or a revision that a run is going with."""
    others = Flow.objects.in_designer().exclude(pk=flow.pk).exclude(head=None).order_by("name")
    others = others.select_related("head", "published")
    going: dict[int, list[Revision]] = {}
    live = Revision.objects.filter(pk__in=Run.objects.filter(state__in=LIVE).values("revision"))
    for revision in live.filter(flow__in=others.values("pk")):
        going.setdefault(revision.flow_id, []).append(revision)
    for other in others.iterator(chunk_size=100):
        if any(
            calls_flow(revision, flow.slug)
            for revision in {other.current, other.called_revision, *going.get(other.pk, ())}
        ):
            yield other


def calls_flow(revision: Revision, slug: str) -> bool:
    try:
        return any(called == slug for _, _, called in linter.calls_in(revision.parsed()))
    except DocumentError:
        return False
