"""The page of budgets: everybody looks, editors change."""

from __future__ import annotations

from django.db import transaction
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.text import capfirst
from django.views.decorators.http import require_GET, require_POST

from flows.models import Budget, BudgetAccount
from flows.models.audit import budget_subject
from flows.models.budget import BudgetSubject
from flows.usage.budget_form import TAKEN, BudgetForm
from flows.usage.budgets import BudgetTable
from foundryflow.access import editor, reader
from foundryflow.audit.record import origin_of, record
from foundryflow.forms import save_unless_taken
from foundryflow.http import Request, form_data, whole_number
from foundryflow.roles import may_edit
from foundryflow.table_page import TablePage

PAGE = TablePage("usage/budgets.html", "usage/_budgets.html", "budgets", "usage:budgets")


@reader
@require_GET
def budget_list(request: Request) -> HttpResponse:
    """With ?edit=3 the form changes that budget; with ?customer= or ?connection= it adds one for them."""
    pk = whole_number(request.GET.get("edit"))
    if may_edit(request.user) and pk is not None:
        return PAGE.respond(request, BudgetTable.to_change(timezone.now(), find_budget(pk)))
    named = (BudgetSubject.CUSTOMER, BudgetSubject.CONNECTION)
    initial = next(
        ({"subject": each.value, "name": request.GET[each][:255]} for each in named if request.GET.get(each)), {}
    )
    return PAGE.respond(request, BudgetTable.to_add(timezone.now(), initial=initial))


@editor
@require_POST
def add(request: Request) -> HttpResponse:
    form = BudgetForm(form_data(request))
    if not save_and_record(request, form, "added"):
        return PAGE.respond(request, BudgetTable.to_add(timezone.now(), form), status=422)
    return saved_response(request, "added", form.instance)


@editor
@require_POST
def change(request: Request, pk: int) -> HttpResponse:
    form = BudgetForm(form_data(request), instance=find_budget(pk), prefix=f"budget-{pk}")
    if not save_and_record(request, form, "changed"):
        return PAGE.respond(request, BudgetTable.to_change(timezone.now(), find_budget(pk), form), status=422)
    return saved_response(request, "changed", form.instance)


@editor
@require_POST
def delete(request: Request, pk: int) -> HttpResponse:
    budget = find_budget(pk)
    with transaction.atomic():
        # Locked, so that nobody reserves meanwhile.
        list(BudgetAccount.objects.select_for_update().filter(budget=budget).order_by("pk"))
        subject = budget_subject(budget)
        Budget.objects.filter(pk=pk).delete()
        record(origin_of(request), "deleted", subject)
    return saved_response(request, "deleted", budget)


@transaction.atomic
def save_and_record(request: Request, form: BudgetForm, verb: str) -> bool:
    """False when the form says why not."""
    if not save_unless_taken(form, TAKEN):
        return False
    record(origin_of(request), verb, budget_subject(form.instance))
    return True


def find_budget(pk: int) -> Budget:
    found = Budget.objects.filter(pk=pk).first()
    if found is None:
        raise Http404("This budget does not exist any more.")
    return found


def saved_response(request: Request, verb: str, budget: Budget) -> HttpResponse:
    return PAGE.respond_saved(request, f"{capfirst(str(budget))}: {verb}.", BudgetTable.to_add(timezone.now()))
