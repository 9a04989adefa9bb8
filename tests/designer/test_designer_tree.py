"""Edits of the tree as functions: from a document and what was posted to another document."""

import pytest

from flows.designer.tree import VERBS, insert
from flows.language.document import Vanished, parse

NOTE = {"type": "log", "properties": {"message": "x"}}


@pytest.fixture
def document():
    branches = [
        {"id": "yes", "title": "If", "condition": "true", "actions": [{"id": "in", **NOTE}]},
        {"id": "no", "actions": []},
    ]
    actions = [
        {"id": "first", **NOTE},
        {"id": "route", "type": "if_else", "branches": branches},
        {"id": "last", **NOTE},
    ]
    return parse({"format": "foundryflow/1", "name": "x", "actions": actions})


def ids(document):
    return [located.action.id for located in document.walk()]


def edit(document, verb, action_id, **posted):
    return VERBS[verb](document, action_id, posted)


@pytest.mark.parametrize(
    ("verb", "action", "expected", "selected"),
    [
        ("up", "last", ["first", "last", "route", "in"], "last"), ("down", "first", ["route", "in", "first", "last"], "first"),
        ("out", "in", ["first", "route", "in", "last"], "in"), ("into", "first", ["route", "first", "in", "last"], "first"),
        ("remove", "route", ["first", "last"], ""), ("duplicate", "first", ["first", "first2", "route", "in", "last"], "first2"),
    ],
)  # fmt: skip
def test_what_a_verb_makes_of_the_tree(document, verb, action, expected, selected):
    changed, now_selected = edit(document, verb, action)
    assert (ids(changed), now_selected) == (expected, selected)
    assert ids(document) == ["first", "route", "in", "last"]


def test_an_action_is_disabled_and_enabled_again(document):
    off, _ = edit(document, "toggle", "first")
    assert off.find("first").disabled
    assert not edit(off, "toggle", "first")[0].find("first").disabled


def test_a_branch_is_added_before_otherwise_and_removed(document):
    added, selected = edit(document, "add-branch", "route")
    assert (len(added.find("route").branches), selected) == (3, "route")
    new = next(branch.id for branch in added.find("route").branches if branch.id not in ("yes", "no"))
    assert edit(added, "remove-branch", "route", branch=new)[0] == document


@pytest.mark.parametrize("verb", VERBS)
def test_an_action_that_is_gone_has_vanished(document, verb):
    with pytest.raises(Vanished):
        edit(document, verb, "gone", branch="yes")


@pytest.mark.parametrize(
    ("posted", "expected"),
    [({}, 4), ({"at": "0"}, 0), ({"at": "x"}, 4), ({"after": "first"}, 1), ({"after": "in"}, 3), ({"owner": "route", "branch": "no", "at": "0"}, 3)],
)  # fmt: skip
def test_a_new_action_goes_where_it_was_asked_for(document, posted, expected):
    changed, selected = insert(document, "log", posted)
    assert ids(changed).index(selected) == expected


@pytest.mark.parametrize(
    "posted", [{"after": "gone"}, {"owner": "gone", "branch": "yes"}, {"owner": "route", "branch": "gone"}]
)
def test_a_place_that_is_gone_has_vanished(document, posted):
    with pytest.raises(Vanished):
        insert(document, "log", posted)
