"""The ways through containers, and what is wrong with their branches."""

import pytest

from flows.actions import registry
from flows.language.nodes import Action


def container(type, *branches):
    lanes = [{"id": id, "title": title, "condition": condition, "actions": []} for id, title, condition in branches]
    return Action({"id": "x", "type": type, "branches": lanes})


@pytest.mark.parametrize(
    ("action", "ways"),
    [
        (container("if_else", ("a", "", "x"), ("b", "", "y"), ("c", "", None), ("d", "", None)), [["a"], ["b"], ["c"]]),
        (container("if_else", ("c", "", None), ("a", "", "x")), [["a"], ["c"]]),
        (container("if_else", ("a", "", "x")), [["a"], []]),
        (container("try_catch", ("try", "", None), ("catch", "", None), ("finally", "", None)),
         [["try", "finally"], ["catch", "finally"]]),
        (container("try_catch", ("try", "", None), ("catch", "", None)), [["try"], ["catch"]]),
        (container("try_catch", ("try", "", None), ("x-finally", "", None)), [["try", "x-finally"]]),
        (container("try_catch", ("catch", "", None)), [[], ["catch"]]),
        (container("for_each", ("body", "", None)), [[]]),
        (container("while", ("body", "", None)), [[]]),
    ],
)  # fmt: skip
def test_ways_lead_through_the_branches_that_run_one_after_another(action, ways):
    assert [[branch.id for branch in way] for way in registry.action_type(action.type).ways(action)] == ways


@pytest.mark.parametrize(
    ("branches", "found"),
    [
        ([("a", "", "x"), ("b", "", None)], []),
        ([], [(None, "It has no branches. Add one in the panel.")]),
        ([("a", "First", None), ("b", "", None), ("c", "", None)],
         [("branch-a-condition", "First has no condition. Only one branch can be the otherwise."),
          ("branch-b-condition", "b has no condition. Only one branch can be the otherwise.")]),
    ],
)  # fmt: skip
def test_an_if_has_branches_and_one_otherwise_at_most(branches, found):
    assert [*registry.action_type("if_else").problems(container("if_else", *branches))] == found


def test_three_branches_of_a_try_have_a_role():
    # Whatever stands behind them has none.
    action = container("try_catch", ("a", "", None), ("b", "", None), ("c", "", None), ("d", "", None))
    assert [registry.action_type("try_catch").role(action, branch) for branch in action.branches] == [
        "try", "catch", "finally", "",
    ]  # fmt: skip
