"""What is read and shown of a price, without a database."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from flows.pricing.contexts import PriceRow
from flows.pricing.forms import Amount, Currency, PriceForm, amount
from flows.pricing.models import ModelPrice


@pytest.mark.parametrize(
    ("money", "grouped", "text"),
    [
        (None, False, ""),
        ("2.5", False, "2.50"),
        ("2", False, "2.00"),
        ("0.0125", False, "0.0125"),
        ("0.125", False, "0.125"),
        ("1204.5", False, "1204.50"),
        ("1204.5", True, "1,204.50"),
    ],
)
def test_an_amount_has_two_decimals_or_as_many_as_it_needs(money, grouped, text):
    assert amount(money and Decimal(money), grouped=grouped) == text


def test_a_row_says_what_is_as_the_input():
    plain = PriceRow(ModelPrice(input=Decimal(2_500), output=Decimal(10_000)))
    assert (plain.input, plain.cached_input, plain.cache_write, plain.output) == (
        "2,500.00",
        "as input",
        "as input",
        "10,000.00",
    )
    full = PriceRow(ModelPrice(input=1, output=1, cached_input=Decimal(1_000), cache_write=Decimal(1_250)))
    assert (full.cached_input, full.cache_write) == ("1,000.00", "1,250.00")


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "Type a price, 0 if it costs nothing."),
        ("2,50", "Type a number such as 2.50, with a point."),
        ("-1", "A price is 0 or more."),
        ("0.00001", "At most 4 decimals."),
        ("100000000", "Less than 100,000,000."),
        ("12345678901234", "Less than 100,000,000."),
    ],
)
def test_an_amount_that_is_none_says_what_to_type(typed, why):
    with pytest.raises(ValidationError) as refused:
        Amount("Input").clean(typed)
    assert why in refused.value.messages


def test_an_amount_is_shown_as_it_was_stored_or_typed():
    field = Amount("Input", required=False)
    assert (field.label, field.clean("0.5"), field.clean("")) == ("Input", Decimal("0.5"), None)
    assert (field.prepare_value(Decimal("2.5")), field.prepare_value("2,5")) == ("2.50", "2,5")
    assert field.widget.attrs == {"inputmode": "decimal", "autocomplete": "off"}


def test_a_currency_is_three_letters():
    assert Currency().clean("eur") == "EUR"
    for wrong in ("EURO", "E1R", "ÄÖÜ"):
        with pytest.raises(ValidationError, match="Three letters such as USD or EUR"):
            Currency().clean(wrong)


def test_the_name_has_the_focus_where_that_is_asked_for():
    found = [form.fields["pattern"].widget.attrs["autofocus"] for form in (PriceForm(), PriceForm(focus=True))]
    assert found == [False, True]
