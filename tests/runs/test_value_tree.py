"""A value as a tree: what is written at once, what comes later, and what a flow calls each part."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.runs.value_place import ValuePlace, find_inside
from flows.runs.value_tree import MOST_CHILDREN, MOST_NODES, TreeNode, children_of, tree_of

HERE = ValuePlace(7, "output")


def tree(value: Any) -> TreeNode:
    return tree_of(TreeNode("", value, HERE, "output"))


def nodes_of(node: TreeNode) -> list[TreeNode]:
    return [node, *(inner for child in node.children or () for inner in nodes_of(child))]


def test_a_small_value_is_unfolded_and_each_part_has_its_path():
    nodes = nodes_of(tree({"rows": [{"city": "Oslo"}], "odd key": None}))
    assert [(node.path, node.preview, node.is_open) for node in nodes[1:]] == [
        ("output.rows", "1 item", True),
        ("output.rows[0]", "1 field", True),
        ("output.rows[0].city", '"Oslo"', False),
        ('output["odd key"]', "null", False),
    ]


def test_of_a_large_value_the_parts_near_the_root_are_written():
    root = tree([{"a": list(range(50))} for _ in range(90)])
    written = nodes_of(root)
    assert len(written) <= MOST_NODES + MOST_CHILDREN
    assert [node.is_open for node in root.children] == [False] * 90
    assert any(node.is_later for node in written)


def test_many_items_stand_in_groups_of_groups():
    root = tree(list(range(25_000)))
    assert [node.preview for node in root.children] == ["0 to 9,999", "10,000 to 19,999", "20,000 to 24,999"]
    inner = children_of(root.children[2])
    assert (len(inner), inner[0].preview) == (50, "20,000 to 20,099")
    assert [node.label for node in children_of(inner[0])][:2] == ["20000", "20001"]


@pytest.mark.parametrize("value", ["x" * 201, [1], {"a": 1}])
def test_what_is_long_comes_when_it_is_opened(value):
    assert TreeNode("a", value, HERE, "a").is_later


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_every_part_is_found_again_where_its_place_says(value):
    for node in nodes_of(tree(value)):
        if not node.is_group:
            found, path = find_inside(value, node.place.at, "output")
            assert json.dumps(found) == json.dumps(node.value)
            assert path == node.path
