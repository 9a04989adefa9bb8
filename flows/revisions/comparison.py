"""Which two revisions an address compares, and what differs between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from django.http import Http404

from flows.language.document import Document, DocumentError
from flows.models import Flow, Publication, Revision, Run
from flows.revisions.diff_rows import DiffView
from flows.revisions.list import choices_to_compare
from foundryflow.http import whole_number

OF_RUN = "run-"  # `with=run-4191`: the revision that the run executed


@dataclass(frozen=True)
class CompareChoice:
    value: str
    label: str
    is_chosen: bool


class RevisionComparison:
    """A revision, and the one it is compared with: `other` is None for the first one of a flow."""

    def __init__(self, flow: Flow, shown: Revision, other: Revision | None, run: Run | None = None) -> None:
        self.flow, self.shown, self.other, self.run = flow, shown, other, run

    @classmethod
    def of_address(cls, flow: Flow, params: Mapping[str, str]) -> RevisionComparison:
        """`r` against `with`: numbers of revisions, or a run. Raises Http404 for what is not there."""
        shown = find_revision(flow, params.get("r", "")) or flow.current
        other = params.get("with", "")
        if other.startswith(OF_RUN):
            run = flow.runs.select_related("revision").filter(pk=whole_number(other[len(OF_RUN) :]) or 0).first()
            if run is None:
                raise Http404(f"There is no run {other[len(OF_RUN) :]} of this flow.")
            return cls(flow, shown, run.revision, run)
        return cls(flow, shown, find_revision(flow, other) or default_other(flow, shown))

    @property
    def is_draft(self) -> bool:
        return self.shown.pk == self.flow.head_id

    @property
    def title(self) -> str:
        """ "r14 against r11, published"."""
        shown = self._words_of(self.shown)
        if self.other is None:
            return f"{shown}, the first revision"
        with_run = f", run {self.run.pk}" if self.run else ""
        return f"{shown} against {self._words_of(self.other)}{with_run}"

    def _words_of(self, revision: Revision) -> str:
        is_published = revision.pk == self.flow.published_id
        return f"r{revision.number}{', published' if is_published else ''}"

    @cached_property
    def difference(self) -> DiffView | None:
        """None where one of the two cannot be read."""
        try:
            after = self.shown.parsed()
            before = self.other.parsed() if self.other else Document({**after.json, "inputs": [], "actions": []})
            draft = self.flow.current.unchecked_document
            return DiffView(before, after, draft)
        except DocumentError:
            return None

    @property
    def summary(self) -> str:
        if self.difference is None:
            return "One of the two cannot be read."
        if not self.difference.diff.entries:
            return f"r{self.shown.number} and r{self.other.number} are the same." if self.other else "It is empty."
        return self.difference.summary

    @property
    def to_restore(self) -> Revision | None:
        """What may become the draft again: the older one of the two where the draft is shown, else the shown one."""
        return self.other if self.is_draft else self.shown

    @cached_property
    def was_published(self) -> bool:
        """Whether the shown one was once, and something else is now."""
        is_other = self.shown.pk != self.flow.published_id
        return is_other and Publication.objects.filter(revision=self.shown).exists()

    @property
    def choices(self) -> list[CompareChoice]:
        chosen = self.other.pk if self.other and not self.run else None
        found = [
            CompareChoice(str(each.number), self._words_of(each), each.pk == chosen)
            for each in choices_to_compare(self.flow, self.shown)
        ]
        if self.other and not self.run and not any(each.is_chosen for each in found):
            found.append(CompareChoice(str(self.other.number), self._words_of(self.other), True))
        if self.run and self.other:
            words = f"r{self.other.number}, run {self.run.pk}"
            found.insert(0, CompareChoice(f"{OF_RUN}{self.run.pk}", words, True))
        return found


def find_revision(flow: Flow, number: str) -> Revision | None:
    """None where none is asked for. Raises Http404 for one that is not there."""
    if not number:
        return None
    found = flow.revisions.filter(number=whole_number(number.removeprefix("r"), 9) or 0).first()
    if found is None:
        raise Http404(f"There is no revision {number[:20]} of this flow.")
    return found


def default_other(flow: Flow, shown: Revision) -> Revision | None:
    """For the draft the published one; for any other the one that it was made from."""
    if shown.pk == flow.head_id and flow.published_id not in (None, shown.pk):
        return flow.published
    return shown.parent or flow.revisions.filter(number__lt=shown.number).order_by("-number").first()
