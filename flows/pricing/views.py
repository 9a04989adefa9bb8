"""The page of prices: everybody looks, editors change."""

from __future__ import annotations

from django.db import transaction
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from flows.pricing.contexts import PriceTable
from flows.pricing.forms import TAKEN, PriceForm
from flows.pricing.models import ModelPrice
from foundryflow.access import editor, reader
from foundryflow.audit.record import Subject, origin_of, record
from foundryflow.forms import save_unless_taken
from foundryflow.http import Request, whole_number
from foundryflow.roles import may_edit
from foundryflow.table_page import TablePage

PAGE = TablePage("pricing/list.html", "pricing/_prices.html", "prices", "playground:prices")


@reader
@require_GET
def price_list(request: Request) -> HttpResponse:
    """With ?edit=3 the form changes that price."""
    pk = whole_number(request.GET.get("edit"))
    if may_edit(request.user) and pk is not None:
        return PAGE.respond(request, PriceTable.to_change(find_price(pk)))
    return PAGE.respond(request, PriceTable.to_add())


@editor
@require_POST
def add(request: Request) -> HttpResponse:
    form = PriceForm(request.POST)
    if not save_and_record(request, form, "added"):
        return PAGE.respond(request, PriceTable.to_add(form), status=422)
    return PAGE.respond_saved(request, f"The price of {form.instance} is saved.", PriceTable.to_add(focus=True))


@editor
@require_POST
def change(request: Request, pk: int) -> HttpResponse:
    edited = find_price(pk)
    form = PriceForm(request.POST, instance=edited, prefix=f"price-{pk}")
    if not save_and_record(request, form, "changed"):
        return PAGE.respond(request, PriceTable.to_change(edited, form), status=422)
    return PAGE.respond_saved(request, f"The price of {form.instance} is saved.", PriceTable.to_add(focus=True))


@editor
@require_POST
def delete(request: Request, pk: int) -> HttpResponse:
    price = find_price(pk)
    with transaction.atomic():
        subject = price_subject(price)
        price.delete()
        record(origin_of(request), "deleted", subject)
    return PAGE.respond_saved(request, f"The price of {price} was deleted.", PriceTable.to_add(focus=True))


@transaction.atomic
def save_and_record(request: Request, form: PriceForm, verb: str) -> bool:
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
