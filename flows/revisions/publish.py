"""What is done with whole revisions: one is published, or its content becomes the draft again."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from flows.engine import configuration
from flows.engine.configuration import LocatedProblem
from flows.models import Conflict, Flow, Publication, Revision
from flows.models.audit import flow_subject
from foundryflow.audit.record import Origin, record


class NotPublishable(Exception):
    """The revision has configuration errors, which its message counts."""

    def __init__(self, errors: list[LocatedProblem]) -> None:
        count = f"{len(errors)} configuration error{'' if len(errors) == 1 else 's'}"
        super().__init__(f"It has {count}.")
        self.errors = errors


def errors_of(revision: Revision) -> list[LocatedProblem]:
    """What keeps it from being published, with links. Raises DocumentError."""
    found = configuration.errors_before_run(revision)
    return configuration.locate_problems(found, revision.parsed(), revision.flow)


@transaction.atomic
def publish_and_record(
    revision: Revision, *, instead_of: Revision | None, by: User | None, note: str, origin: Origin
) -> Publication:
    """Makes the revision what others run. Raises NotPublishable, PublishedMeanwhile and DocumentError."""
    if errors := errors_of(revision):
        raise NotPublishable(errors)
    instead = instead_of.pk if instead_of else None
    made = Publication.objects.publish(revision, instead_of=instead, by=by, note=note)
    words = f": r{revision.number}"
    words += f", instead of r{instead_of.number}" if instead_of else ", for the first time"
    data = {"revision": revision.number, "before": instead_of.number if instead_of else None}
    record(origin, "published", flow_subject(revision.flow), f"{words}: {note}" if note else words, data=data)
    return made


@transaction.atomic
def restore_and_record(flow: Flow, revision: Revision, *, base: int, by: User, origin: Origin) -> Revision:
    """A new draft with the content of a revision, in place of draft `base`. Raises Conflict and DocumentError."""
    try:
        with transaction.atomic():
            made = flow.commit(revision.parsed(), by=by, base=base, note=f"Restored r{revision.number}")
    except IntegrityError:  # on PostgreSQL two may number their revisions alike
        flow.refresh_from_db()
        raise Conflict(flow.current) from None
    data = {"revision": made.number, "before": base, "restored": revision.number}
    record(origin, "restored", flow_subject(flow), f": r{revision.number}, as r{made.number}", data=data)
    return made
