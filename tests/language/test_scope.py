"""Variables and the blocks they live in."""

import pytest

from flows.language.scope import HEAVY, Scope


def flow_with(**values):
    scope = Scope()
    for name, value in values.items():
        scope.bind(name, value)
    return scope


def test_a_copy_has_the_variables_of_every_block_and_shares_none():
    flow = Scope()
    flow.declare("total", "number", 1)
    block = flow.child()
    block.bind("item", "a")
    block.variables["item"].from_inner_block = True
    copy = block.copy()
    assert (copy.get("total"), copy.get("item")) == (1, "a")
    assert (copy.find("total").type, copy.variables["item"].from_inner_block) == ("number", True)
    copy.put("total", 2)
    copy.put("item", "b")
    assert (flow.get("total"), block.get("item")) == (1, "a")
    assert flow.copy().outer is None


def test_what_is_declared_for_the_flow_is_known_after_the_block():
    flow = Scope()
    block = flow.child().child()
    block.declare("found", "text", "x", global_=True)
    block.declare("own", "text", "y")
    assert (flow.get("found"), flow.get("own"), block.get("own")) == ("x", None, "y")
    assert block.root() is flow


def test_a_value_that_does_not_fit_its_type_is_refused():
    with pytest.raises(ValueError, match="number"):
        Scope().declare("total", "number", "many")


def test_a_result_goes_to_the_variable_that_is_there_wherever_it_is():
    flow = flow_with(answer="old")
    block = flow.child()
    block.put("answer", "new")
    block.put("other", 1)
    assert (flow.get("answer"), flow.find("other"), block.get("other")) == ("new", None, 1)


def test_a_name_that_is_bound_inside_hides_the_one_around_it():
    flow = flow_with(item="outside")
    block = flow.child()
    block.bind("item", "inside")
    assert (block.get("item"), flow.get("item")) == ("inside", "outside")
    assert block.names() == {"item"}


def test_a_block_that_ends_leaves_what_it_declared_but_not_what_it_had_only_hidden():
    flow = flow_with(hidden="outside")
    inner = flow.child()
    for name in ("hidden", "made", "index"):
        inner.bind(name, "inside")
    flow.keep(inner, bound=["index"])
    assert (flow.get("hidden"), flow.get("made"), flow.find("index")) == ("outside", "inside", None)
    assert flow.find("made").from_inner_block
    again = flow.child()
    again.bind("made", "later")
    flow.keep(again)
    assert flow.get("made") == "later"


def test_what_templates_see_and_what_it_weighs_follow_the_value():
    flow = flow_with(items=["a"])
    items = flow.find("items")
    assert (list(items.template_view), items.weight < HEAVY) == (["a"], True)
    assert items.template_view is items.template_view
    items.value = ["x" * HEAVY]
    assert items.weight >= HEAVY
    assert list(items.template_view) == ["x" * HEAVY]
