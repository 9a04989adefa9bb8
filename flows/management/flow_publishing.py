"""Which revision a command is about, and publishing of several flows at once."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.management.base import CommandError
from django.db import transaction
from django.db.models import F

from flows.language.document import DocumentError
from flows.lint import linter
from flows.models import Flow, PublishedMeanwhile, Revision
from flows.revisions.publish import NotPublishable, publish_and_record
from foundryflow.audit.record import COMMAND

DRAFT, PUBLISHED = "draft", "published"


def revision_of(flow: Flow, name: str) -> Revision:
    """The draft, the published one, or the one of a number. Raises CommandError when there is none."""
    if name == DRAFT:
        found: Revision | None = flow.current
    elif name == PUBLISHED:
        found = flow.published
    else:
        number = name.removeprefix("r")
        found = flow.revisions.filter(number=int(number)).first() if number.isdecimal() and len(number) < 10 else None
    if found is None:
        raise CommandError(f"{flow.slug} has no revision {name}. Its draft is r{flow.current.number}.")
    found.flow = flow
    return found


def unpublished_flows() -> list[Flow]:
    flows = Flow.objects.in_designer().exclude(head=None).exclude(published=F("head"))
    return list(flows.select_related("head", "published").order_by("slug"))


@transaction.atomic
def publish_all(revisions: Iterable[tuple[Flow, Revision]], note: str) -> list[tuple[Flow, int, int | None]]:
    """Each flow with the number of what is published, and of what was. Raises CommandError, and publishes nothing."""
    problems: list[str] = []
    published: list[tuple[Flow, int, int | None]] = []
    for flow, revision in revisions:
        before = flow.published
        if before is not None and before.pk == revision.pk:
            problems.append(f"{flow.slug}: r{revision.number} is published already.")
            continue
        try:
            publish_and_record(revision, instead_of=before, by=None, note=note, origin=COMMAND)
        except NotPublishable as refusal:
            problems += [f"{flow.slug}: {describe(each.problem)}" for each in refusal.errors]
        except DocumentError as error:
            problems += [f"{flow.slug}: {problem}" for problem in error.problems]
        except PublishedMeanwhile:
            problems.append(f"{flow.slug}: somebody has published another revision meanwhile.")
        published.append((flow, revision.number, before.number if before else None))
    if problems:
        raise CommandError("\n".join(["Nothing was published.", *(f"  {problem}" for problem in problems)]))
    return published


def describe(problem: linter.Problem) -> str:
    where = ".".join(part for part in (problem.action_id, problem.property) if part)
    return f"{problem.severity}: {where + ': ' if where else ''}{problem.message}"
