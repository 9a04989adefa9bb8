"""The table of prices: everybody looks, editors change, nobody is told a price that nobody typed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from flows.pricing.forms import amount
from flows.pricing.models import ModelPrice
from flows.pricing.prices import Price
from flows.pricing.table import known_prices

TABLE, ADD = reverse("playground:prices"), reverse("playground:price_new")
TYPED = {"pattern": "gpt-5.2*", "input": "1.25", "cached_input": "0.125", "output": "10", "currency": "usd"}


def make_price(pattern: str = "gpt-5.2*", **more: object) -> ModelPrice:
    known = {"input": Decimal("1.25"), "cached_input": Decimal("0.125"), "output": Decimal(10), "currency": "USD"}
    return ModelPrice.objects.create(pattern=pattern, **{**known, **more})


def typed_for(price: ModelPrice, **changes: str) -> dict[str, str]:
    return {f"price-{price.pk}-{name}": value for name, value in {**TYPED, **changes}.items()}


def rows() -> list[tuple[object, ...]]:
    return list(ModelPrice.objects.values_list("pattern", "input", "cached_input", "output", "currency"))


def test_no_price_is_known_until_somebody_types_one(client_alice):
    page = client_alice.get(TABLE).content.decode()
    assert "No price yet. A price is what a million tokens of a model cost you" in page
    assert known_prices() == []


def test_a_price_is_added_and_known(client_alice):
    assert client_alice.post(ADD, TYPED).url == TABLE
    assert known_prices() == [
        Price("gpt-5.2*", input=Decimal("1.25"), cached_input=Decimal("0.125"), output=Decimal(10), currency="USD")
    ]
    page = client_alice.get(TABLE).content.decode()
    assert "gpt-5.2*" in page
    assert "0.125" in page
    assert "10.00" in page


def test_a_price_of_cached_input_may_be_left_out(client_alice):
    client_alice.post(ADD, {**TYPED, "cached_input": ""})
    assert rows() == [("gpt-5.2*", Decimal("1.25"), None, Decimal(10), "USD")]
    assert "as input" in client_alice.get(TABLE).content.decode()


def test_the_next_price_is_in_the_currency_of_the_last(client_alice):
    make_price(currency="EUR")
    assert client_alice.get(TABLE).context["table"].form["currency"].value() == "EUR"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"pattern": " "}, "pattern", "Type the name of a model or deployment."),
        ({"pattern": "x" * 201}, "pattern", "At most 200 characters."),
        ({"input": ""}, "input", "Type a price, 0 if it costs nothing."),
        ({"input": "1,25"}, "input", "Type a number such as 2.50, with a point."),
        ({"input": "NaN"}, "input", "Type a number such as 2.50, with a point."),
        ({"output": "-1"}, "output", "A price is 0 or more."),
        ({"output": "0.12345"}, "output", "At most 4 decimals."),
        ({"output": "100000000"}, "output", "Less than 100,000,000."),
        ({"output": "1e999999"}, "output", "Less than 100,000,000."),
        ({"cached_input": "free"}, "cached_input", "Type a number such as 2.50, with a point."),
        ({"currency": ""}, "currency", "Three letters such as USD or EUR."),
        ({"currency": "US$"}, "currency", "Three letters such as USD or EUR."),
    ],
)
def test_a_price_that_is_none_is_explained(client_alice, changes, field, words):
    response = client_alice.post(ADD, {**TYPED, **changes})
    assert response.status_code == 422
    assert response.context["table"].form.errors == {field: [words]}
    assert words in response.content.decode()
    assert rows() == []


def test_two_prices_have_two_names(client_alice):
    make_price()
    other = make_price("gpt-4o")
    words = "There is a price for this name. Change that one."
    assert words in client_alice.post(ADD, TYPED).content.decode()
    assert words in client_alice.post(reverse("playground:price", args=[other.pk]), typed_for(other)).content.decode()
    assert words in client_alice.post(ADD, {**TYPED, "pattern": "GPT-4o"}).content.decode()
    assert [row[0] for row in rows()] == ["gpt-4o", "gpt-5.2*"]


def test_a_price_is_changed(client_alice):
    price = make_price()
    page = client_alice.get(TABLE, {"edit": price.pk})
    assert page.context["table"].edited == price
    assert 'value="0.125"' in page.content.decode()
    assert client_alice.post(reverse("playground:price", args=[price.pk]), typed_for(price, input="2")).url == TABLE
    assert rows() == [("gpt-5.2*", Decimal(2), Decimal("0.125"), Decimal(10), "USD")]
    response = client_alice.post(reverse("playground:price", args=[price.pk]), typed_for(price, input="x"))
    assert response.status_code == 422
    assert "Type a number such as 2.50" in response.content.decode()


def test_a_price_is_deleted(client_alice):
    price = make_price()
    assert client_alice.post(reverse("playground:price_delete", args=[price.pk])).url == TABLE
    assert rows() == []


def test_with_htmx_the_table_is_renewed_in_place(client_alice):
    htmx = {"HX-Request": "true"}
    page = client_alice.post(ADD, TYPED, headers=htmx).content.decode()
    assert page.startswith('<hx-partial hx-target="#prices"')
    assert "The price of gpt-5.2* is saved." in page
    assert "<!DOCTYPE" not in page
    response = client_alice.post(ADD, {**TYPED, "input": ""}, headers=htmx)
    assert response.status_code == 422
    assert "Type a price, 0 if it costs nothing." in response.content.decode()
    price = ModelPrice.objects.get()
    assert (
        f'name="price-{price.pk}-input"' in client_alice.get(TABLE, {"edit": price.pk}, headers=htmx).content.decode()
    )


@pytest.mark.parametrize("count", [1, 3])
def test_the_table_takes_a_fixed_number_of_queries(client_alice, django_assert_num_queries, count):
    for number in range(count):
        make_price(f"model-{number}")
    with django_assert_num_queries(3):  # session, user, prices
        client_alice.get(TABLE)


def test_readers_look_and_change_nothing(client_bob):
    price = make_price()
    page = client_bob.get(TABLE, {"edit": price.pk}).content.decode()
    assert "gpt-5.2*" in page
    assert "<button" not in page.split('id="prices"')[1].split("</main>")[0]
    for name, args in (("price_new", []), ("price", [price.pk]), ("price_delete", [price.pk])):
        assert client_bob.post(reverse(f"playground:{name}", args=args), TYPED).status_code == 403
    assert len(rows()) == 1


def test_a_stranger_logs_in():
    assert Client().get(TABLE).url.startswith("/login/")


@pytest.mark.parametrize("name", ["price", "price_delete"])
def test_a_price_that_is_gone_is_said(client_alice, name):
    assert client_alice.post(reverse(f"playground:{name}", args=[7]), TYPED).status_code == 404
    assert client_alice.get(TABLE, {"edit": "7"}).status_code == 404
    assert client_alice.get(TABLE, {"edit": "x"}).status_code == 200


def test_other_methods_are_refused(client_alice):
    price = make_price()
    assert client_alice.post(TABLE).status_code == 405
    for name, args in (("price_new", []), ("price", [price.pk]), ("price_delete", [price.pk])):
        assert client_alice.get(reverse(f"playground:{name}", args=args)).status_code == 405


@pytest.mark.parametrize(
    ("money", "shown"),
    [
        (None, ""),
        (Decimal(10), "10.00"),
        (Decimal("2.5"), "2.50"),
        (Decimal("0.0375"), "0.0375"),
        (Decimal("1E+3"), "1000.00"),
    ],
)
def test_money_has_two_decimals_or_more(money, shown):
    assert amount(money) == shown


def test_money_is_shown_with_thousands_apart(client_alice):
    make_price(output=Decimal("1234.5"))
    assert "1,234.50" in client_alice.get(TABLE).content.decode()
    assert amount(Decimal("1234.5")) == "1234.50"
