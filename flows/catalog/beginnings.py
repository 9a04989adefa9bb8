"""What a new flow begins with: nothing, a sample, a copy of another flow, or what another room offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django import forms
from django.contrib.auth.models import User
from django.db import transaction

from flows.catalog.duplicate import LONGEST_NAME, duplicate_flow
from flows.catalog.sample import add_sample, sample_flows
from flows.language.document import parse
from flows.models import Flow

MOST_FLOWS = 1_000  # to choose from


@dataclass(frozen=True)
class Beginning:
    """What another room makes a flow of, on a page of its own."""

    key: str
    title: str
    address: str


FindBeginnings = Callable[[User], Sequence[Beginning]]
_others: dict[str, FindBeginnings] = {}  # by the title of their group


def register_beginnings(title: str, find: FindBeginnings) -> None:
    """`find` gives what the person may begin with, the newest first."""
    _others[title] = find


@dataclass(frozen=True)
class NewFlow:
    """What is to be made: `kind` is "sample", "flow" or nothing, `key` says which."""

    name: str
    kind: str = ""
    key: str = ""

    @transaction.atomic
    def create(self, by: User) -> tuple[Flow, str]:
        """The flow, and where it comes from in the words of the audit log.

        Raises Flow.DoesNotExist, DocumentError where the other flow is broken, and OSError where the database of a
        sample cannot be written.
        """
        if self.kind == "sample":
            return add_sample(self.key, by=by, called=self.name), "from a sample, with its connections"
        if self.kind == "flow":
            original = Flow.objects.in_designer().select_related("head").get(slug=self.key)
            return duplicate_flow(original, by=by, called=self.name), f"as a copy of {original.name}"
        empty = {"format": "foundryflow/1", "name": self.name, "inputs": [], "actions": []}
        return Flow.objects.create_flow(parse(empty), by=by), ""


class NewFlowForm(forms.Form):
    """Name and beginning. A copy of something needs no name: it has that of the original."""

    name = forms.CharField(
        max_length=LONGEST_NAME, required=False, help_text="A copy keeps its own where this is empty."
    )
    beginning = forms.ChoiceField(label="Begin with", required=False)

    def __init__(self, person: User, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.elsewhere = {title: find(person) for title, find in _others.items()}
        flows = Flow.objects.in_designer().order_by("name", "slug").values_list("slug", "name")[:MOST_FLOWS]
        groups = {
            "A sample": [(f"sample:{sample.key}", sample.name) for sample in sample_flows()],
            "A copy of a flow": [(f"flow:{slug}", name) for slug, name in flows],
            **{title: [(f"to:{each.key}", each.title) for each in found] for title, found in self.elsewhere.items()},
        }
        choices = [("", "Nothing: an empty flow"), *((title, rows) for title, rows in groups.items() if rows)]
        field = self.fields["beginning"]
        field.choices = choices  # type: ignore[attr-defined]
        field.error_messages["invalid_choice"] = "It is not there any more. Choose again."

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or self.cleaned_data
        cleaned["name"] = str(cleaned.get("name") or "").strip()
        if not cleaned["name"] and not cleaned.get("beginning") and "beginning" not in self.errors:
            self.add_error("name", "A flow needs a name.")
        return cleaned

    @property
    def address(self) -> str:
        """Of the page that goes on with what was chosen; empty where the flow is made at once."""
        kind, _, key = self.cleaned_data["beginning"].partition(":")
        found = (each for group in self.elsewhere.values() for each in group if each.key == key)
        return next((each.address for each in found), "") if kind == "to" else ""

    @property
    def new_flow(self) -> NewFlow:
        kind, _, key = self.cleaned_data["beginning"].partition(":")
        return NewFlow(self.cleaned_data["name"], kind, key)
