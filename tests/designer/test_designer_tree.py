"""Edits of the tree as functions: from a document and what was posted to another document, and what is said of it."""

import pytest

from flows.actions import registry
from flows.designer.tree import VERBS, insert
from flows.language.document import DocumentError, Vanished, parse

NOTE = {"type": "log", "properties": {"message": "x"}}


@pytest.fixture
def document():
    branches = [
        {"id": "yes", "title": "If", "condition": "true", "actions": [{"id": "in", **NOTE}]},
        {"id": "no", "actions": []},
    ]
    actions = [
        {"id": "first", **NOTE, "title": "First"},
        {"id": "route", "type": "if_else", "branches": branches},
        {"id": "last", **NOTE},
    ]
    return parse({"format": "foundryflow/1", "name": "x", "actions": actions})


def ids(document):
    return [located.action.id for located in document.walk()]


def edit(document, verb, *ids, **posted):
    return VERBS[verb](document, ids, posted)


@pytest.mark.parametrize(
    ("verb", "chosen", "expected", "said"),
    [
        ("up", ["last"], ["first", "last", "route", "in"], "Log moved up."),
        ("down", ["first"], ["route", "in", "first", "last"], "First moved down."),
        ("out", ["in"], ["first", "route", "in", "last"], "Log moved out."),
        ("into", ["first"], ["route", "first", "in", "last"], "First moved in."),
        ("down", ["first", "route"], ["last", "first", "route", "in"], "2 actions moved down."),
        ("remove", ["route", "in"], ["first", "last"], "If removed."),
        ("duplicate", ["first"], ["first", "first2", "route", "in", "last"], "First duplicated."),
        ("duplicate", ["first", "last"], ["first", "route", "in", "last", "first2", "last2"], "2 actions duplicated."),
        ("unwrap", ["route"], ["first", "in", "last"], "If unwrapped: 1 action stays."),
        ("up", ["first"], ["first", "route", "in", "last"], "First cannot be moved further up."),
        ("into", ["in"], ["first", "route", "in", "last"], "There is no container beside it to move into."),
    ],
)
def test_what_a_verb_makes_of_the_tree(document, verb, chosen, expected, said):
    made = edit(document, verb, *chosen)
    assert (ids(made.document), made.said) == (expected, said)
    assert ids(document) == ["first", "route", "in", "last"]


def test_copies_and_what_was_wrapped_are_chosen_afterwards(document):
    assert edit(document, "duplicate", "first", "last").chosen == ["first2", "last2"]
    wrapped = edit(document, "wrap", "first", "route", type="for_each")
    assert ids(wrapped.document) == ["for", "first", "route", "in", "last"]
    assert (wrapped.selected, wrapped.new) == ("for", "for")
    assert wrapped.said == "2 actions wrapped in For each."
    assert edit(wrapped.document, "unwrap", "for").document == document


def test_only_a_container_wraps(document):
    for type in ("log", "teleport"):
        with pytest.raises(registry.UnknownAction):
            edit(document, "wrap", "first", type=type)


def test_actions_are_disabled_and_enabled_together(document):
    off = edit(document, "toggle", "first").document
    assert off.find("first").disabled
    both = edit(off, "toggle", "first", "last").document
    assert both.find("first").disabled
    assert both.find("last").disabled
    assert not edit(both, "toggle", "first", "last").document.find("last").disabled


@pytest.mark.parametrize(
    ("owner", "branch", "at", "expected", "said"),
    [
        ("", "", "0", ["last", "first", "route", "in"], "Log moved to the flow."),
        ("route", "yes", "0", ["first", "route", "last", "in"], "Log moved into If of If."),
        ("route", "no", "0", ["first", "route", "in", "last"], "Log moved into If."),
        ("", "", "3", ["first", "route", "in", "last"], "Log stays in place."),
    ],
)
def test_an_action_is_dropped_where_it_was_meant_to_go(document, owner, branch, at, expected, said):
    made = edit(document, "move", "last", owner=owner, branch=branch, at=at)
    assert (ids(made.document), made.said) == (expected, said)


def test_what_cannot_go_there_is_refused_with_a_sentence(document):
    with pytest.raises(DocumentError, match="If cannot go into itself"):
        edit(document, "move", "route", owner="route", branch="no", at="0")
    loop = edit(document, "wrap", "last", type="for_each").document
    leave = insert(loop, "break", {"owner": "for", "branch": "for-body", "at": "0", "dropped": "1"}).document
    with pytest.raises(DocumentError, match="Break belongs in a loop, such as For each"):
        edit(leave, "move", "break", owner="", branch="", at="0")
    with pytest.raises(DocumentError, match="belongs in a loop"):
        insert(document, "continue", {"at": "0", "dropped": "1"})


def test_a_title_is_renamed_in_place_and_an_empty_one_is_that_of_the_type(document):
    renamed = edit(document, "rename", "first", title="  Greet  all ")
    assert (renamed.document.find("first").title, renamed.said) == ("Greet all", "First renamed to Greet all.")
    assert edit(document, "rename", "first", title="").said == "First renamed to Log."
    with pytest.raises(DocumentError, match="at most 200 characters; this one has 201"):
        edit(document, "rename", "first", title="x" * 201)


def test_notes_stand_on_an_action_and_on_the_flow(document):
    noted = edit(document, "note", "first", text=" Two\r\nlines ").document
    assert noted.find("first").note == "Two\nlines"
    assert edit(noted, "note", "first", text="").document == document
    assert edit(document, "note", "start", text="Of the flow").document.note == "Of the flow"
    with pytest.raises(DocumentError, match="at most 2,000 characters"):
        edit(document, "note", "first", text="x" * 2_001)


def test_a_branch_is_added_before_otherwise_and_removed(document):
    added = edit(document, "add-branch", "route")
    assert (len(added.document.find("route").branches), added.selected) == (3, "route")
    new = next(branch.id for branch in added.document.find("route").branches if branch.id not in ("yes", "no"))
    assert edit(added.document, "remove-branch", "route", branch=new).document == document


@pytest.mark.parametrize("verb", VERBS)
def test_an_action_that_is_gone_has_vanished(document, verb):
    with pytest.raises(Vanished):
        edit(document, verb, "gone", branch="yes", type="if_else", text="x", title="x")


@pytest.mark.parametrize(
    ("posted", "expected"),
    [({}, 4), ({"at": "0"}, 0), ({"at": "x"}, 4), ({"after": "first"}, 1), ({"after": "in"}, 3), ({"owner": "route", "branch": "no", "at": "0"}, 3)],
)  # fmt: skip
def test_a_new_action_goes_where_it_was_asked_for(document, posted, expected):
    made = insert(document, "log", posted)
    assert ids(made.document).index(made.selected) == expected


@pytest.mark.parametrize(
    "posted", [{"after": "gone"}, {"owner": "gone", "branch": "yes"}, {"owner": "route", "branch": "gone"}]
)
def test_a_place_that_is_gone_has_vanished(document, posted):
    for edit in (lambda: insert(document, "log", posted), lambda: VERBS["move"](document, ["first"], posted)):
        with pytest.raises(Vanished):
            edit()
