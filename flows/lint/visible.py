"""Which variables are in scope where: what a block declares, and what it leaves to the block around it.

A variable lives in the block that declares it and the blocks inside; `global` lifts it to the flow. What every way
through a container sets is known behind it; what only some ways set may not be set there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from flows.actions import registry
from flows.actions.base import ActionType
from flows.language.document import Document
from flows.language.nodes import Action, Branch, Input
from flows.language.scope import ListAround, VariableInScope
from flows.language.secret_parts import PathError, parse_paths
from flows.language.shape import FILE, UNKNOWN, Shape, merge_shapes, shape_of, with_secrets

Visible = dict[str, VariableInScope]


@dataclass(frozen=True)
class BlockEnd:
    """How a block is left: what it leaves to the block around it, and whether what follows it is reached at all."""

    own: Visible
    lifted: Visible  # globals
    reached: bool


def variables_at(document: Document, action_id: str) -> list[VariableInScope]:
    """What an action can read: inputs, and what actions before it declare."""
    found = visible_at(document, action_id) or start_variables(document)
    return [variable for variable in found.values() if variable.name != "inputs"]


def variables_inside(document: Document, action_id: str) -> list[VariableInScope]:
    """What the body of a loop adds to that, behind its last action."""
    action = document.find(action_id)
    known = known_type(action) if action else None
    if action is None or known is None or known.branches != "body":
        return []
    here = visible_at(document, action_id) or {}
    return [variable for name, variable in behind_body(action, here).items() if here.get(name) != variable]


def unset_at(document: Document, action_id: str, name: str, *, in_loop: bool) -> VariableInScope | None:
    """The variable, when some of the ways to the action set it and others do not; `in_loop` with those of its body."""
    action, here = document.find(action_id), visible_at(document, action_id) or {}
    known = known_type(action) if action else None
    if in_loop and action and known and known.branches == "body":
        here = behind_body(action, here)
    found = here.get(name)
    return found if found is not None and found.may_be_unset else None


def visible_at(document: Document, action_id: str) -> Visible | None:
    return variables_before(document.actions, action_id, start_variables(document))


def start_variables(document: Document) -> Visible:
    declared = {i.name: VariableInScope(i.name, i.type, "Start", shape=input_shape(i)) for i in document.inputs}
    return {"inputs": VariableInScope("inputs", "object", "Start"), **declared}


def input_shape(declared: Input) -> Shape:
    """What its type, its default and its secret parts say of an input."""
    if declared.type == "file":
        return FILE
    try:
        return with_secrets(shape_of(declared.default), parse_paths(declared.secret_parts))
    except PathError:
        return shape_of(declared.default)


def variables_before(actions: Sequence[Action], action_id: str, visible: Visible) -> Visible | None:
    """The variables in front of the action, or None when it is not in this block."""
    here = dict(visible)
    for action in actions:
        if action.id == action_id:
            return here
        for branch in action.branches:
            found = variables_before(branch.actions, action_id, inside(action, branch, here))
            if found is not None:
                return found
        leave(action, here)
    return None


def leave(action: Action, here: Visible) -> None:
    """Adds what is in scope behind the action."""
    end = action.find_once(end_of)
    update(here, end.lifted)
    update(here, end.own)


def inside(action: Action, branch: Branch | None, visible: Visible) -> Visible:
    """The variables in front of the first action of a branch."""
    here = dict(visible)
    if branch is not None:
        update(here, left_before(action, branch))
    return {**here, **with_lists(action, bound_in(action, branch), visible)}


def in_front_of_body(action: Action, visible: Visible) -> Visible:
    return inside(action, action.branches[0] if action.branches else None, visible)


def behind_body(action: Action, visible: Visible) -> Visible:
    """The variables behind the last action of the body of a loop, where an iteration gets there."""
    here = in_front_of_body(action, visible)
    for branch in action.branches[:1]:
        for inner in branch.actions:
            leave(inner, here)
    return here


def left_before(action: Action, branch: Branch) -> Visible:
    """What other branches, or an earlier iteration, may have left when the branch begins."""
    known = known_type(action)
    if known is None or known.branches == "conditions":
        return {}
    earlier = [before.id for way in known.ways(action) if branch in way for before in way[: way.index(branch)]]
    found: Visible = {}
    for other in action.branches:
        end = end_of_block(other.actions)
        own = without(end.own, bound_in(action, other)) if other.id in earlier else {}
        for name, variable in {**end.lifted, **own}.items():
            found[name] = unify([variable, *([found[name]] if name in found else [])], unset=True)
    return found


def end_of(action: Action) -> BlockEnd:
    """What an action does to the block it stands in, which does not depend on where that is."""
    known = known_type(action)
    if known is None or action.disabled:
        return BlockEnd({}, {}, True)
    own, lifted = declared_by(action, known)
    if not action.branches:
        return BlockEnd(own, lifted, not known.leaves_block)
    ends = {branch.id: end_of_block(branch.actions) for branch in action.branches}
    ways = [way for way in known.ways(action) if all(ends[branch.id].reached for branch in way)]
    sets = [
        variables_of_sequence(without(ends[branch.id].own, bound_in(action, branch)) for branch in way) for way in ways
    ]
    lifts = [variables_of_sequence(ends[branch.id].lifted for branch in way) for way in ways]
    elsewhere = variables_of_sequence(end.lifted for end in ends.values())
    return BlockEnd({**variables_of_ways(sets), **own}, {**variables_of_ways(lifts, elsewhere), **lifted}, bool(ways))


def end_of_block(actions: Sequence[Action]) -> BlockEnd:
    own: Visible = {}
    lifted: Visible = {}
    for action in actions:
        end = action.find_once(end_of)
        update(own, end.own)
        update(lifted, end.lifted)
        if not end.reached:
            return BlockEnd(own, lifted, False)
    return BlockEnd(own, lifted, True)


def update(here: Visible, left: Mapping[str, VariableInScope]) -> None:
    """Adds what an action leaves. A block inside only hides what the block around declares itself."""
    for name, variable in left.items():
        around = here.get(name)
        if around is None or not (variable.from_inner_block or variable.may_be_unset):
            here[name] = variable
        elif around.may_be_unset or around.from_inner_block:
            stays = [around] if variable.may_be_unset else []
            unset = variable.may_be_unset and around.may_be_unset
            here[name] = replace(unify([*stays, variable], unset=unset), from_inner_block=True)


def variables_of_sequence(blocks: Iterable[Visible]) -> Visible:
    made: Visible = {}
    for block in blocks:
        update(made, block)
    return made


def variables_of_ways(ways: Sequence[Visible], elsewhere: Mapping[str, VariableInScope] | None = None) -> Visible:
    """What is set behind several ways; what is only set on a way that leads `elsewhere` may be, too."""
    made: Visible = {}
    every = [*ways, elsewhere or {}]
    for name in dict.fromkeys(name for way in every for name in way):
        always = bool(ways) and all(name in way and not way[name].may_be_unset for way in ways)
        found = [way[name] for way in every if name in way]
        made[name] = replace(unify(found, unset=not always), from_inner_block=True)
    return made


def unify(found: Sequence[VariableInScope], *, unset: bool) -> VariableInScope:
    """One variable for those that several actions set: its type is known when it is the same everywhere."""
    types = {variable.type for variable in found}
    type = "secret" if "secret" in types else types.pop() if len(types) == 1 else ""
    titles = dict.fromkeys(title for variable in found for title in variable.declared_by.split(" or "))
    shape = merge_shapes(variable.shape for variable in found)
    return VariableInScope(found[0].name, type, " or ".join(titles), unset, shape=shape)


def declared_by(action: Action, known: ActionType) -> tuple[Visible, Visible]:
    """The variables that the action itself declares: of its block, and of the flow."""
    title, shapes = action.title or known.title, known.shapes(action.properties)
    own: Visible = {}
    lifted: Visible = {}
    for name, type, is_global in known.declares(action.properties):
        (lifted if is_global else own)[name] = VariableInScope(name, type, title, shape=shapes.get(name, UNKNOWN))
    return own, lifted


def bound_in(action: Action, branch: Branch | None = None) -> Visible:
    """What is in scope in a branch only; without one, in any."""
    known = known_type(action)
    if known is None:
        return {}
    title, shapes = action.title or known.title, known.shapes(action.properties)
    role = known.role(action, branch) if branch else ""
    return {
        name: VariableInScope(name, type, title, shape=shapes.get(name, UNKNOWN))
        for name, type in known.inside(action.properties, role)
    }


def with_lists(action: Action, bound: Visible, around: Visible) -> Visible:
    """What is in scope in a branch, items with the list that they are of."""
    known = known_type(action)
    lists = known.items_of(action.properties) if known else {}
    return {
        name: replace(variable, item_of=ListAround(lists[name], around)) if name in lists else variable
        for name, variable in bound.items()
    }


def without(variables: Visible, names: Mapping[str, object]) -> Visible:
    return {name: variable for name, variable in variables.items() if name not in names}


def known_type(action: Action) -> ActionType | None:
    return registry.find_type(action.type)
