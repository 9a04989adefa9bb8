"""The table of prices: everybody looks, editors change."""

from __future__ import annotations

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from flows.playground.sessions.contexts import PriceTable
from flows.playground.sessions.forms import TAKEN, PriceForm
from flows.pricing.models import ModelPrice
from foundryflow.access import editor, reader
from foundryflow.http import Request, whole_number
from foundryflow.regions import Region, page, regions

TABLE = "playground_sessions/_prices.html"


@reader
@require_GET
def prices(request: Request) -> HttpResponse:
    """With ?edit=3 the form changes that price."""
    wanted = whole_number(request.GET.get("edit"))
    if request.user.is_staff and wanted is not None:
        return answer(request, PriceTable.changing(price(wanted)))
    return answer(request, PriceTable.adding())


@editor
@require_POST
def add(request: Request) -> HttpResponse:
    form = PriceForm(request.POST)
    if not stored(form):
        return answer(request, PriceTable.adding(form), status=422)
    return done(request, f"The price of {form.instance} is saved.")


@editor
@require_POST
def change(request: Request, pk: int) -> HttpResponse:
    edited = price(pk)
    form = PriceForm(request.POST, instance=edited, prefix=f"price-{pk}")
    if not stored(form):
        return answer(request, PriceTable.changing(edited, form), status=422)
    return done(request, f"The price of {form.instance} is saved.")


@editor
@require_POST
def delete(request: Request, pk: int) -> HttpResponse:
    gone = price(pk)
    gone.delete()
    return done(request, f"The price of {gone} was deleted.")


def price(pk: int) -> ModelPrice:
    found = ModelPrice.objects.filter(pk=pk).first()
    if found is None:
        raise Http404("This price does not exist any more.")
    return found


def stored(form: PriceForm) -> bool:
    """False when the form says why not; be it that somebody took the name in the same moment."""
    if not form.is_valid():
        return False
    try:
        with transaction.atomic():
            form.save()
    except IntegrityError:
        form.add_error("pattern", TAKEN)
        return False
    return True


def done(request: Request, words: str) -> HttpResponse:
    messages.info(request, words)
    if not request.htmx:
        return redirect("playground:prices")
    # Not morphed: what was typed belongs to the price that is saved now.
    table = Region(TABLE, "prices", {"table": PriceTable.adding(focus=True)}, swap="outerHTML")
    return regions(request, table, Region("_messages.html", "messages"))


def answer(request: Request, table: PriceTable, status: int = 200) -> HttpResponse:
    """The page, or with htmx the table alone."""
    context = {"table": table}
    if request.htmx:
        return regions(request, Region(TABLE, "prices", context), status=status)
    return page(request, "playground_sessions/prices.html", context, status=status)
