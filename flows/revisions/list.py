"""The revisions of a flow, the newest first: number, what changed or why, who, when, and which are published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q, QuerySet
from django.utils.text import capfirst

from flows.models import Flow, Publication, Revision
from foundryflow.filter_menus import Address
from foundryflow.http import whole_number
from foundryflow.names import name_of
from foundryflow.templatetags.ui import moment, thousands

ROWS = 50
NAMES = ("r", "with", "q", "published", "before")  # in the address
MOST_COUNTED = 10_000  # runs


@dataclass(frozen=True)
class RevisionRow:
    number: int
    note: str
    byline: str  # "Ada · 14:02"
    tag: str  # Draft, Published, Was published, or nothing
    link: str
    is_current: bool
    is_compared: bool

    @property
    def option(self) -> str:
        return f"r{self.number}{f', {self.tag.lower()}' if self.tag else ''}: {self.note}"


class RevisionList:
    """What the address asks for. `shown` and `compared` are the numbers of the two revisions of the difference."""

    def __init__(self, flow: Flow, params: Mapping[str, str], shown: int, compared: int | None) -> None:
        self.flow, self.params, self.shown, self.compared = flow, params, shown, compared
        self.words = params.get("q", "").strip()[:100]
        self.only_published = params.get("published") == "1"
        self.before = whole_number(params.get("before"), 9)

    @property
    def address(self) -> Address:
        return Address(self.params, NAMES)

    @property
    def is_filtered(self) -> bool:
        return bool(self.words or self.only_published)

    @property
    def published_link(self) -> str:
        return self.address.query(published=None if self.only_published else "1", before=None)

    @property
    def hidden_fields(self) -> list[tuple[str, str]]:
        return self.address.kept("q", "before")

    @cached_property
    def found(self) -> list[Revision]:
        """One more than is shown, where there are more."""
        revisions: QuerySet[Revision] = self.flow.revisions.defer("document").select_related("created_by")
        if self.only_published:
            revisions = revisions.filter(publications__isnull=False).distinct()
        if self.words:
            revisions = revisions.filter(matches(self.words)).distinct()
        if self.before is not None:
            revisions = revisions.filter(number__lt=self.before)
        return list(revisions.order_by("-number")[: ROWS + 1])

    @cached_property
    def rows(self) -> list[RevisionRow]:
        shown = self.found[:ROWS]
        published: dict[int, Publication] = {}
        for publication in Publication.objects.filter(revision__in=[each.pk for each in shown]):
            published.setdefault(publication.revision_id, publication)  # the newest
        return [self._row(revision, published.get(revision.pk)) for revision in shown]

    @property
    def older(self) -> str:
        """Where the list goes on; empty at its end."""
        return self.address.query(before=str(self.found[ROWS - 1].number)) if len(self.found) > ROWS else ""

    @property
    def newer(self) -> str:
        return self.address.query(before=None) if self.before is not None else ""

    @cached_property
    def foot(self) -> str:
        """What those who call the flow get."""
        publication = Publication.objects.newest_of(self.flow)
        if publication is None or self.flow.published is None:
            return (
                f"Never published: API, command line and subflows run the draft, r{self.flow.current.number}, "
                "and every edit is at once what they get."
            )
        runs = self.flow.runs.filter(revision=self.flow.published, created_at__gte=publication.published_at)
        count = runs.order_by()[: MOST_COUNTED + 1].count()
        number = f"more than {MOST_COUNTED:,}" if count > MOST_COUNTED else thousands(count)
        since = moment(publication.published_at)
        return (
            f"r{self.flow.published.number} runs for API, command line and subflows since {since}: "
            f"{number} run{'' if count == 1 else 's'}."
        )

    def _row(self, revision: Revision, publication: Publication | None) -> RevisionRow:
        note = (publication.note if publication else "") or revision.note or "Changed"
        who = name_of(revision.created_by)
        return RevisionRow(
            number=revision.number,
            note=capfirst(note),
            byline=" · ".join(filter(None, (who, moment(revision.created_at)))),
            tag=self._tag(revision, publication),
            link=self.address.query(r=str(revision.number), **{"with": None}),
            is_current=revision.number == self.shown,
            is_compared=revision.number == self.compared,
        )

    def _tag(self, revision: Revision, publication: Publication | None) -> str:
        if revision.pk == self.flow.published_id:
            return "Published"
        if revision.pk == self.flow.head_id:
            return "Draft"
        return "Was published" if publication else ""


def matches(words: str) -> Q:
    """SQL: in its number, its notes, or the name of who made it."""
    person = [f"created_by__{field}__icontains" for field in ("first_name", "last_name", "username")]
    found = Q(note__icontains=words) | Q(publications__note__icontains=words)
    for field in person:
        found |= Q(**{field: words})
    number = whole_number(words.lower().removeprefix("r"), 9)
    return found | Q(number=number) if number is not None else found


def choices_to_compare(flow: Flow, shown: Revision) -> Sequence[Revision]:
    """The newest ones, and whatever was published."""
    others = flow.revisions.defer("document").exclude(pk=shown.pk).order_by("-number")
    newest = list(others[: 2 * ROWS])
    published = others.filter(publications__isnull=False).distinct()[: 2 * ROWS]
    return sorted({*newest, *published}, key=lambda each: -each.number)
