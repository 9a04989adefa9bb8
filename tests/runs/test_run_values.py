"""A value as text, table or JSON, whichever reads best."""

import csv
import functools
import io
import re

import pytest
from django.urls import reverse

from flows.models import Run
from flows.runs import whole_values
from flows.runs.stream import BrowserState, read_changes
from flows.runs.value_place import ValuePlace
from flows.runs.values import ValueView, value_view, value_views
from tests.markup import one_line

HERE = ValuePlace(7, "output", "each[0]/a b")


@pytest.mark.parametrize(
    ("value", "view"),
    [
        (None, ValueView(empty=True)), ({}, ValueView(empty=True)), ("", ValueView(text="")), ("a", ValueView(text="a")),
        (3, ValueView(text="3")), (2.5, ValueView(text="2.5")), (True, ValueView(text="true")), (False, ValueView(text="false")),
        ([], ValueView(code="[]")), ("[1", ValueView(text="[1")), ("[]", ValueView(text="[]")),
    ],
)  # fmt: skip
def test_how_a_value_is_shown(value, view):
    assert value_view(value, HERE) == view


@pytest.mark.parametrize(
    ("value", "ways"),
    [([1], ["tree"]), ({"a": 1}, ["tree"]), ([{"a": 1}, {"b": 2}], ["table", "tree"]), ('{"a": 1}', ["tree", "text"])],
)
def test_what_has_a_structure_is_shown_in_the_ways_it_reads(value, ways):
    assert [name for name, _ in value_view(value, HERE).ways] == ways


def test_values_keep_their_names_and_order():
    assert value_views({"b": 1, "a": None}, 1, "input") == [("b", ValueView(text="1")), ("a", ValueView(empty=True))]


def test_of_a_large_text_the_beginning_is_shown_with_the_way_to_the_whole():
    view = value_view("x" * 2_000_000, HERE)
    assert len(view.text) < 5_000
    assert view.length == 2_000_000
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
    [{"tab": "values"}, {"tab": "log"}, {"action": "chat"}, {"action": "each[0]/note"}, {"tab": "flowchart"},
     *({"action": "chat", "part": part} for part in ("input", "prompt", "request", "raw"))],
)  # fmt: skip
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


def test_a_node_brings_its_children_and_a_table_its_rows(client_bob, run):
    Run.objects.update(output={"rows": [{"n": number, "by": {"a/b~": "c" * 300}} for number in range(300)]})
    ask = functools.partial(client_bob.get, reverse("runs:value", args=[run.pk]), headers={"HX-Request": "true"})
    rows = ask({"of": "output", "at": "/rows", "part": "tree", "from": "200", "until": "300"}).content.decode()
    assert rows.count("<details") >= 100
    assert "output.rows[299]" in rows
    assert "output.rows[199]" not in rows
    deep = ask({"of": "output", "at": "/rows/7/by/a~1b~0", "part": "tree"}).content.decode()
    assert "c" * 300 in deep
    table = ask({"of": "output", "at": "/rows", "part": "table", "from": "250"}).content.decode()
    assert "Rows 251 to 300 of 300" in one_line(table)
    assert "<td>299</td>" in one_line(table)
    for gone in ({"at": "/rows/300"}, {"at": "/rows/x"}, {"at": "/rows/0/n/y"}, {"at": "/rows", "from": "9", "until": "4"},
                 {"at": "/rows", "from": "9", "until": "400"}):  # fmt: skip
        assert ask({"of": "output", "part": "tree", **gone}).status_code == 404


def test_a_table_is_a_file_without_formulas(client_bob, run):
    Run.objects.update(output=[{"city": "=Rome", "n": -1, "of": [1]}, {"city": "Oslo", "+x": True}])
    address = reverse("runs:value", args=[run.pk])
    answer = client_bob.get(address, {"of": "output", "download": "csv"})
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [line["city"] for line in lines] == ["'=Rome", "Oslo"]
    assert (lines[0]["n"], lines[0]["of"], lines[1]["'+x"]) == ("-1", "[1]", "true")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="run-{run.pk}-output.csv"'
    assert client_bob.get(address, {"of": "input", "name": "question", "download": "csv"}).status_code == 404


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
