"""A value as a tree that is folded and unfolded: of a large one the nodes near its root, the others when opened."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.runs.value_place import ValuePlace, step_into

MOST_NODES = 150  # that are written at once
MOST_CHILDREN = 100  # of one node; where there are more, they stand in groups
FEW_NODES = 30  # all of them are unfolded
LONG_TEXT = 200  # characters of a leaf; a longer text is opened like a list
LONGEST_PREVIEW = 80
KINDS: Mapping[type, str] = {bool: "boolean", int: "number", float: "number", type(None): "null", str: "text"}


@dataclass
class TreeNode:
    """One value, or the children of one from `first` to `last` as a group. `children` None: loaded when opened."""

    label: str  # name of a field, or number of an item; empty for a group
    value: Any
    place: ValuePlace
    path: str  # as an expression of a flow
    first: int = 0
    last: int | None = None
    children: Sequence[TreeNode] | None = None
    is_open: bool = False

    @property
    def is_group(self) -> bool:
        return self.last is not None

    @property
    def is_container(self) -> bool:
        return isinstance(self.value, dict | list) and bool(self.value)

    @property
    def is_long(self) -> bool:
        return isinstance(self.value, str) and len(self.value) > LONG_TEXT

    @property
    def is_later(self) -> bool:
        """Whether there is more of it than stands here."""
        return self.children is None and (self.is_container or self.is_long)

    @property
    def is_table(self) -> bool:
        return not self.is_group and is_table(self.value)

    @property
    def kind(self) -> str:
        """object, list, text, number, boolean or null."""
        return KINDS.get(type(self.value)) or ("list" if isinstance(self.value, list) else "object")

    @property
    def count(self) -> int:
        return (len(self.value) if self.last is None else self.last) - self.first

    @property
    def preview(self) -> str:
        """What stands beside the label: a leaf as JSON, the size of a list or an object, the beginning of a text."""
        if self.last is not None:
            return f"{self.first:,} to {self.last - 1:,}"
        if self.is_long:
            return f"{json.dumps(self.value[:LONGEST_PREVIEW], ensure_ascii=False)[:-1]}…"
        if self.is_container:
            noun = "item" if isinstance(self.value, list) else "field"
            return f"{self.count:,} {noun}{'' if self.count == 1 else 's'}"
        return json.dumps(self.value, ensure_ascii=False)

    @property
    def key(self) -> str:
        """The id of the element that its children come into."""
        return f"{self.place.key}-from-{self.first}-{self.last or ''}"

    @property
    def address(self) -> str:
        """Of what it holds, as a part of the page."""
        group = f"&from={self.first}&until={self.last}" if self.is_group else ""
        return f"{self.place.address}&part=tree{group}"


def is_table(value: Any) -> bool:
    """Whether it is a list of objects."""
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def tree_of(root: TreeNode) -> TreeNode:
    """Gives the node its children, and those near to it theirs, as many as are written at once."""
    root.is_open, room = True, MOST_NODES
    nodes, written = deque([root]), [root]
    while nodes:
        node = nodes.popleft()
        if not node.is_container or (node is not root and room < min(node.count, MOST_CHILDREN)):
            continue
        node.children = children_of(node)
        room -= len(node.children)
        nodes.extend(child for child in node.children if not child.is_group)
        written += node.children
    if len(written) <= FEW_NODES:
        for node in written:
            node.is_open = node.children is not None
    return root


def children_of(node: TreeNode) -> Sequence[TreeNode]:
    begin, end = node.first, node.first + node.count
    if node.count > MOST_CHILDREN:
        size = MOST_CHILDREN
        while node.count > size * MOST_CHILDREN:
            size *= MOST_CHILDREN
        return [
            TreeNode("", node.value, node.place, node.path, at, min(at + size, end)) for at in range(begin, end, size)
        ]
    if isinstance(node.value, list):
        items: list[tuple[str | int, Any]] = list(enumerate(node.value[begin:end], begin))
    else:
        items = list(node.value.items())[begin:end]
    return [TreeNode(str(key), inner, node.place.inside(key), step_into(node.path, key)) for key, inner in items]
