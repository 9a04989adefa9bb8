"""A value as text, table or JSON, whichever reads best."""

import pytest

from flows.runs.values import ValueView, value_view, value_views


@pytest.mark.parametrize(
    ("value", "view"),
    [
        (None, ValueView(empty=True)), ({}, ValueView(empty=True)), ("", ValueView(text="")), ("a", ValueView(text="a")),
        (3, ValueView(text="3")), (2.5, ValueView(text="2.5")), (True, ValueView(text="true")), (False, ValueView(text="false")),
        ([], ValueView(json=[])), ([1], ValueView(json=[1])), ({"a": 1}, ValueView(json={"a": 1})), ([{"a": 1}, 2], ValueView(json=[{"a": 1}, 2])),
        ([{"a": 1}, {"b": 2}], ValueView(columns=["a", "b"], cells=[[1, ""], ["", 2]])),
    ],
)  # fmt: skip
def test_how_a_value_is_shown(value, view):
    assert value_view(value) == view


def test_a_table_ends_somewhere():
    view = value_view([{f"c{column}": row for column in range(30)} for row in range(300)])
    assert (len(view.columns), len(view.cells), len(view.cells[0])) == (20, 200, 20)


def test_values_keep_their_names_and_order():
    assert value_views({"b": 1, "a": None}) == [("b", ValueView(text="1")), ("a", ValueView(empty=True))]
