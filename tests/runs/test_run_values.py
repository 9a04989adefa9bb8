"""A value as text, table or JSON, whichever reads best."""

import re

import pytest
from django.urls import reverse

from flows.models import Run
from flows.runs import whole_values
from flows.runs.stream import BrowserState, read_changes
from flows.runs.values import ValuePlace, ValueView, value_view, value_views


@pytest.mark.parametrize(
    ("value", "view"),
    [
        (None, ValueView(empty=True)), ({}, ValueView(empty=True)), ("", ValueView(text="")), ("a", ValueView(text="a")),
        (3, ValueView(text="3")), (2.5, ValueView(text="2.5")), (True, ValueView(text="true")), (False, ValueView(text="false")),
        ([], ValueView(code="[]")), ([1], ValueView(code="[\n  1\n]")), ({"a": 1}, ValueView(code='{\n  "a": 1\n}')),
        ([{"a": 1}, {"b": 2}], ValueView(columns=["a", "b"], cells=[["1", ""], ["", "2"]])),
    ],
)  # fmt: skip
def test_how_a_value_is_shown(value, view):
    assert value_view(value) == view


def test_a_table_ends_somewhere():
    view = value_view([{f"c{column}": row for column in range(30)} for row in range(300)])
    assert (len(view.columns), len(view.cells), len(view.cells[0])) == (20, 200, 20)


def test_values_keep_their_names_and_order():
    assert value_views({"b": 1, "a": None}, 1, "input") == [("b", ValueView(text="1")), ("a", ValueView(empty=True))]


@pytest.mark.parametrize("value", ["x" * 2_000_000, ["x" * 2_000_000], [{"a": "x" * 2_000_000}] * 2])
def test_of_a_large_value_the_beginning_is_shown_with_the_way_to_the_whole(value):
    view = value_view(value, ValuePlace(7, "output", "each[0]/a b"))
    shown = view.text or view.code or "".join(cell for row in view.cells for cell in row)
    assert len(shown) < 5_000
    assert view.length >= 2_000_000
    assert view.place.address == "/runs/7/value/?of=output&action=each%5B0%5D%2Fa+b"
    assert view.place.key == "value-output-each_5b_0_5d__2f_a_20_b"


BIG = "<b>" + "y" * 2_000_000


@pytest.fixture
def large(run):
    """With values of 2 MB everywhere."""
    Run.objects.update(inputs={"question": BIG}, output=BIG)
    facts = {"raw": BIG, "prompt": [{"role": "user", "content": BIG}]}
    told = {"inputs": {"user_prompt": BIG}, "output": {"text": BIG}, "variables": {"said": BIG}, "facts": facts}
    run.actions.filter(path="chat").update(**told)
    run.actions.filter(path="each[0]/note").update(output=[{"a": BIG}], variables={"n": {"a": BIG}}, inputs={"m": BIG},
                                                   error={"message": BIG, "kind": "odd", "hint": ""})  # fmt: skip
    run.log.update(message=BIG)
    return run


@pytest.mark.parametrize(
    "params",
    [{"tab": "values"}, {"tab": "log"}, {"action": "chat"}, {"action": "each[0]/note"}, {"tab": "flowchart"}],
)
def test_a_page_with_values_of_megabytes_is_small(client_bob, large, params):
    address = reverse("runs:show", args=[large.pk])
    assert len(client_bob.get(address, params).content) < 90_000
    pieces, _ = read_changes(large.pk, BrowserState(params, -1))
    assert sum(map(len, pieces)) < 90_000


PLACES = [
    {"of": "input", "name": "question"}, {"of": "output"}, {"of": "line", "name": "5"},
    *({"action": "chat", **place} for place in (
        {"of": "input", "name": "user_prompt"}, {"of": "variable", "name": "said"}, {"of": "raw"},
        {"of": "prompt", "name": "0"}, {"of": "response"})),
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=lambda place: "-".join(place.values()))
def test_the_whole_of_a_value_is_a_region_a_text_and_a_file(client_bob, large, place):
    address = reverse("runs:value", args=[large.pk])
    answer = client_bob.get(address, place)
    assert answer.content.decode() == BIG
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Content-Disposition" not in answer.headers
    file = client_bob.get(address, {**place, "download": ""})
    assert re.fullmatch(r'attachment; filename="run-\d+[\w-]*\.txt"', file.headers["Content-Disposition"])
    region = client_bob.get(address, place, headers={"HX-Request": "true"}).content.decode()
    assert f'hx-target="#{ValuePlace(large.pk, **place).key}"' in region
    assert f"&lt;b&gt;{'y' * 2_000_000}</pre>" in region


def test_what_is_too_long_for_any_page_is_for_the_download(client_bob, run, monkeypatch):
    monkeypatch.setattr(whole_values, "MOST_SHOWN", 3)
    address = reverse("runs:value", args=[run.pk])
    region = client_bob.get(address, {"of": "output"}, headers={"HX-Request": "true"}).content.decode()
    assert ">[\n </pre>" in region
    assert "The first part of" in region


@pytest.mark.parametrize(
    "place",
    [{}, {"of": "odd"}, {"of": "input", "name": "gone"}, {"of": "line", "name": "x"}, {"of": "raw"},
     {"of": "raw", "action": "each"}, {"of": "prompt", "action": "chat", "name": "9"}, {"of": "output", "action": "gone"},
     {"of": "refusal", "action": "chat"}],
)  # fmt: skip
def test_a_value_that_is_not_there_is_not_found(client_bob, run, place):
    assert client_bob.get(reverse("runs:value", args=[run.pk]), place).status_code == 404


def test_values_are_for_those_who_may_see_the_run(client, client_alice, run):
    address = reverse("runs:value", args=[run.pk])
    assert client.get(address, {"of": "output"}).status_code in (302, 401)
    assert client_alice.post(address, {"of": "output"}).status_code == 405
    run.flow.room = "playground"
    run.flow.save()
    assert client_alice.get(address, {"of": "output"}).status_code == 404
