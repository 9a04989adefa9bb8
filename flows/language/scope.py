"""The variables that templates read: their values at run time, and what is known of them before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.language.sandbox import operations
from flows.language.shape import UNKNOWN, Shape
from flows.language.values import convert, weight

HEAVY = 1_000_000  # the weight of values that MiniJinja cannot be handed in passing
UNSEEN = object()


class Variable:
    """A value with its type. What templates see of it is made once, when it is first needed."""

    __slots__ = ("_shown", "_value", "_weight", "from_inner_block", "type")

    def __init__(self, type: str, value: Any) -> None:
        self.type, self._value, self._shown, self._weight = type, value, UNSEEN, -1
        self.from_inner_block = False  # of a block inside the one that it is in

    def copy(self) -> Variable:
        made = Variable(self.type, self._value)
        made.from_inner_block = self.from_inner_block
        return made

    @property
    def value(self) -> Any:
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value, self._shown, self._weight = value, UNSEEN, -1

    @property
    def template_view(self) -> Any:
        if self._shown is UNSEEN:
            self._shown = operations.to_view(self._value)
        return self._shown

    @property
    def weight(self) -> int:
        """What handing it on costs, as far as that matters."""
        if self._weight < 0:
            self._weight = weight(self._value, HEAVY)
        return self._weight


@dataclass
class Scope:
    """The variables of a block and of the blocks around it."""

    outer: Scope | None = None
    variables: dict[str, Variable] = field(default_factory=dict)

    def child(self) -> Scope:
        return Scope(outer=self)

    def copy(self) -> Scope:
        """The same variables, up to the flow; what is assigned here is not seen there."""
        copies = {name: variable.copy() for name, variable in self.variables.items()}
        return Scope(self.outer.copy() if self.outer else None, copies)

    def declare(self, name: str, type: str, value: Any, *, global_: bool = False) -> None:
        """A variable of this block, or of the flow. Raises ValueError when the value does not fit the type."""
        place = self.root() if global_ else self
        place.variables[name] = Variable(type, convert(value, type))

    def bind(self, name: str, value: Any) -> None:
        """A variable of this block, of whatever type, that hides one of the same name around it."""
        self.variables[name] = Variable("", value)

    def put(self, name: str, value: Any) -> None:
        """The result of an action: assigns the variable if it is there, else makes one of whatever type."""
        found = self.find(name)
        if found is not None:
            found.value = value
        else:
            self.bind(name, value)

    def keep(self, inner: Scope, bound: Collection[str] = ()) -> None:
        """What a block inside has declared, when it has ended; what is declared here it had only hidden."""
        for name, variable in inner.variables.items():
            around = self.find(name)
            if name not in bound and (around is None or around.from_inner_block):
                variable.from_inner_block = True
                self.variables[name] = variable

    def find(self, name: str) -> Variable | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables:
                return scope.variables[name]
            scope = scope.outer
        return None

    def get(self, name: str) -> Any:
        found = self.find(name)
        return found.value if found else None

    def root(self) -> Scope:
        return self.outer.root() if self.outer else self

    def names(self) -> set[str]:
        return set(self.variables) | (self.outer.names() if self.outer else set())


@dataclass(frozen=True)
class VariableInScope:
    name: str
    type: str  # empty when it is only known at run time
    declared_by: str  # titles of actions, or Start
    may_be_unset: bool = False
    from_inner_block: bool = field(default=False, compare=False)  # of a block inside, as opposed to declared in its own
    shape: Shape = field(default=UNKNOWN, compare=False)  # what is known of its value
    item_of: ListAround | None = field(default=None, compare=False)  # whose items it is, one after another


@dataclass(frozen=True)
class ListAround:
    """The list that a loop goes over: its stored value, and the variables in front of the loop."""

    stored: Any
    variables: Mapping[str, VariableInScope]
