"""Flows, runs and budgets as the audit log names them and leads to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.urls import reverse

from flows.models.budget import Budget
from flows.models.flow import Flow, Room
from flows.models.run import Run
from foundryflow.audit.record import Subject


def flow_subject(flow: Flow) -> Subject:
    return Subject("flow", flow.name, flow.pk)


def run_subject(run: Run) -> Subject:
    return Subject("run", f"run {run.pk}", run.pk)


def budget_subject(budget: Budget) -> Subject:
    return Subject("budget", str(budget), budget.pk)


def of_flow(flow: Flow) -> str:
    """What follows a run in a sentence. The flow of a session is named after what was asked, which may be private."""
    rooms = {Room.PLAYGROUND: "of the playground", Room.BATCH: "of a batch"}
    return rooms.get(Room(flow.room), f"of {flow.name}")


def imported_words(flow: Flow, created: bool) -> str:
    return "from a file" if created else f"from a file, as r{flow.current.number}"


def flow_addresses(numbers: Collection[int]) -> Mapping[int, str]:
    slugs = Flow.objects.in_designer().filter(pk__in=numbers).values_list("pk", "slug")
    return {pk: reverse("designer:show", args=[slug]) for pk, slug in slugs}


def run_addresses(numbers: Collection[int]) -> Mapping[int, str]:
    """Those of sessions and batches are named without a link: they may be private."""
    found = Run.objects.visible_to(None).filter(pk__in=numbers).values_list("pk", flat=True)
    return {pk: reverse("runs:show", args=[pk]) for pk in found}


def budget_addresses(numbers: Collection[int]) -> Mapping[int, str]:
    found = Budget.objects.filter(pk__in=numbers).values_list("pk", flat=True)
    return {pk: f"{reverse('usage:budgets')}?edit={pk}" for pk in found}
