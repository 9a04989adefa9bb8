"""What the page of prices shows."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from flows.pricing.forms import PriceForm, amount
from flows.pricing.models import ModelPrice


@dataclass(frozen=True)
class PriceRow:
    price: ModelPrice

    @property
    def input(self) -> str:
        return amount(self.price.input, grouped=True)

    @property
    def cached_input(self) -> str:
        return amount(self.price.cached_input, grouped=True) or "as input"

    @property
    def cache_write(self) -> str:
        return amount(self.price.cache_write, grouped=True) or "as input"

    @property
    def output(self) -> str:
        return amount(self.price.output, grouped=True)


@dataclass(frozen=True)
class PriceTable:
    """All prices, and the form that adds another one or changes one of them."""

    rows: list[PriceRow]
    form: PriceForm
    edited: ModelPrice | None = None

    @property
    def address(self) -> str:
        return reverse("playground:price", args=[self.edited.pk]) if self.edited else reverse("playground:price_new")

    @classmethod
    def to_add(cls, form: PriceForm | None = None, *, focus: bool = False) -> PriceTable:
        """With the form for another price, whose currency is that of the price that was typed last."""
        prices = list(ModelPrice.objects.all())
        newest = max(prices, key=lambda price: price.changed_at, default=None)
        blank = PriceForm(initial={"currency": newest.currency if newest else ""}, focus=focus)
        return cls(list(map(PriceRow, prices)), form or blank)

    @classmethod
    def to_change(cls, edited: ModelPrice, form: PriceForm | None = None) -> PriceTable:
        """With the form that changes one price."""
        form = form or PriceForm(instance=edited, prefix=f"price-{edited.pk}", focus=True)
        stored = list(ModelPrice.objects.all())
        return cls(list(map(PriceRow, stored)), form, next((price for price in stored if price == edited), edited))
