"""The regions of the page of revisions, and the dialog that publishes. Each is built here, for page and swap alike."""

from __future__ import annotations

from dataclasses import dataclass, field

from flows.engine.configuration import LocatedProblem
from flows.language.document import DocumentError
from flows.models import Flow, Publication, Revision
from flows.models.publication import LONGEST_NOTE
from flows.revisions.comparison import RevisionComparison
from flows.revisions.list import RevisionList
from flows.revisions.publish import errors_of
from foundryflow.http import Request
from foundryflow.names import name_of
from foundryflow.regions import Region
from foundryflow.templatetags.ui import moment

DESIGNER = "designer"  # the page that the dialog stands on, beside that of revisions


@dataclass
class PublishForm:
    """What the dialog asks about one revision: its difference to what is published, a note, and what is in the way."""

    flow: Flow
    revision: Revision
    page: str = ""
    note: str = ""
    problem: str = ""  # why the last press did nothing
    errors: list[LocatedProblem] = field(default_factory=list)
    longest_note: int = LONGEST_NOTE

    def __post_init__(self) -> None:
        try:
            self.errors = list(errors_of(self.revision))
        except DocumentError:
            self.problem = f"r{self.revision.number} cannot be read, so that it cannot be published."
        self.comparison = RevisionComparison(self.flow, self.revision, self.flow.published)

    @property
    def is_published(self) -> bool:
        return self.revision.pk == self.flow.published_id

    @property
    def is_possible(self) -> bool:
        return not (self.errors or self.is_published or self.comparison.difference is None)

    @property
    def newer(self) -> str:
        """That the draft has gone on since the revision that is about to be published."""
        if self.revision.pk == self.flow.head_id:
            return ""
        return f"The draft is r{self.flow.current.number}; this publishes r{self.revision.number}."


def page_regions(request: Request, flow: Flow) -> list[Region]:
    comparison = RevisionComparison.of_address(flow, request.GET)
    compared = comparison.other.number if comparison.other else None
    shown = RevisionList(flow, request.GET, comparison.shown.number, compared)
    return [
        Region("revisions/_head.html", "revisions-head", {"flow": flow}),
        Region("revisions/_list.html", "revisions-list", {"flow": flow, "list": shown}),
        Region("revisions/_difference.html", "difference", {"flow": flow, "comparison": comparison}),
    ]


def publish_region(form: PublishForm | None) -> Region:
    """The content of the dialog; nothing closes it."""
    return Region("revisions/_publish.html", "publish-form", {"form": form, "flow": form.flow if form else None})


def tag_region(flow: Flow, said: str = "") -> Region:
    """Draft or published, in the bar of the designer; `said` is read out."""
    context = {"flow": flow, "revision": flow.current, "said": said}
    return Region("revisions/_tag.html", "revision-tag", context)


def published_words(publication: Publication | None) -> str:
    """ "Bo has published r13 at 14:03"."""
    if publication is None:
        return "Somebody has published another revision"
    who = name_of(publication.published_by) or "Somebody"
    return f"{who} has published r{publication.revision.number}, {moment(publication.published_at)}"
