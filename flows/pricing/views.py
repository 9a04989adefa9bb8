"""The page of prices: everybody looks, editors change."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from flows.pricing.contexts import PriceTable
from flows.pricing.forms import TAKEN, PriceForm
from flows.pricing.models import ModelPrice
from foundryflow.access import editor, reader
from foundryflow.audit.record import Subject, origin_of, record
from foundryflow.forms import save_unless_taken
from foundryflow.http import Request, whole_number
from foundryflow.regions import Region, page, regions
from foundryflow.roles import may_edit

TABLE = "pricing/_prices.html"


@reader
@require_GET
def price_list(request: Request) -> HttpResponse:
    """With ?edit=3 the form changes that price."""
    wanted = whole_number(request.GET.get("edit"))
    if may_edit(request.user) and wanted is not None:
        return table_response(request, PriceTable.to_change(find_price(wanted)))
    return table_response(request, PriceTable.to_add())


@editor
@require_POST
def add(request: Request) -> HttpResponse:
    form = PriceForm(request.POST)
    if not save_recorded(request, form, "added"):
        return table_response(request, PriceTable.to_add(form), status=422)
    return saved_response(request, f"The price of {form.instance} is saved.")


@editor
@require_POST
def change(request: Request, pk: int) -> HttpResponse:
    edited = find_price(pk)
    form = PriceForm(request.POST, instance=edited, prefix=f"price-{pk}")
    if not save_recorded(request, form, "changed"):
        return table_response(request, PriceTable.to_change(edited, form), status=422)
    return saved_response(request, f"The price of {form.instance} is saved.")


@editor
@require_POST
def delete(request: Request, pk: int) -> HttpResponse:
    price = find_price(pk)
    with transaction.atomic():
        subject = price_subject(price)
        price.delete()
        record(origin_of(request), "deleted", subject)
    return saved_response(request, f"The price of {price} was deleted.")


@transaction.atomic
def save_recorded(request: Request, form: PriceForm, verb: str) -> bool:
    """False when the form says why not."""
    if not save_unless_taken(form, TAKEN, "pattern"):
        return False
    record(origin_of(request), verb, price_subject(form.instance))
    return True


def price_subject(price: ModelPrice) -> Subject:
    return Subject("price", f"the price of {price}", price.pk)


def find_price(pk: int) -> ModelPrice:
    found = ModelPrice.objects.filter(pk=pk).first()
    if found is None:
        raise Http404("This price does not exist any more.")
    return found


def saved_response(request: Request, words: str) -> HttpResponse:
    """The table as it is now, with the form for another price, and a message."""
    messages.info(request, words)
    if not request.htmx:
        return redirect("playground:prices")
    # Not morphed: what was typed belongs to the price that is saved now.
    table = Region(TABLE, "prices", {"table": PriceTable.to_add(focus=True)}, swap="outerHTML")
    return regions(request, table, Region("_messages.html", "messages"))


def table_response(request: Request, table: PriceTable, status: int = 200) -> HttpResponse:
    """The page, or with htmx the table alone."""
    context = {"table": table}
    if request.htmx:
        return regions(request, Region(TABLE, "prices", context), status=status)
    return page(request, "pricing/list.html", context, status=status)
