"""What an action type is: its properties, what it does, and what it tells the runner."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto
from functools import cache
from typing import Any, ClassVar, Literal, Protocol

from flows.actions.services import Services
from flows.language.document import Action, Branch
from flows.language.errors import Signal as Signal
from flows.language.scope import Scope
from flows.language.values import Declared, VariableType


class Group(StrEnum):
    """The family of an action type: its place in the toolbox and the colour of its tile."""

    AZURE = "azure"
    BUILTIN = "builtin"
    CONTROL = "control"
    OUTPUT = "output"


class PropertyKind(StrEnum):
    """How a property is read: which are templates, and what comes out of them."""

    TEXT = auto()  # template, text comes out
    VALUE = auto()  # template or JSON with templates in it, any value comes out
    NUMBER = auto()  # number, or template that gives one
    CHOICE = auto()  # one of a few words
    SECRET = auto()  # template, or the reference of a stored literal; a Secret comes out
    CONNECTION = auto()  # name of a stored connection
    VARIABLE = auto()  # name of a variable in scope
    NEW_VARIABLE = auto()  # name of the variable this action sets
    VARIABLES = auto()  # rows of name, type, value, global
    FLAG = auto()
    LATER = auto()  # template that the action renders itself
    CONDITION = auto()  # bare expression that the action evaluates itself


@dataclass(frozen=True)
class Prop:
    kind: PropertyKind
    required: bool = False
    choices: tuple[str, ...] = ()
    var_type: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    typed_by: str = ""  # the property that names the variable whose value this is: a secret when that is one
    inputs_of: str = ""  # the property that names the flow whose inputs these are: secrets where those are
    address: bool = False  # of an endpoint: no secret may stand in it, and none that does is recorded


def prop(kind: PropertyKind, *, default: Any = None, **more: Any) -> Any:
    """A field of a Properties class."""
    return field(default=default, metadata={"prop": Prop(kind, **more)})


@cache
def props(properties: Any) -> dict[str, Prop]:
    """The properties of a Properties class by name."""
    return {declared.name: declared.metadata["prop"] for declared in dataclasses.fields(properties)}


@dataclass(frozen=True)
class Result:
    """What an action has done. The runner records it, then applies it to the scope."""

    output: Any = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    declared: tuple[Declared, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    usage: Mapping[str, Any] | None = None
    warning: str | None = None
    signal: Signal = Signal.NONE  # RETURN ends the run with the output


@dataclass(frozen=True)
class Lap:
    """How a block was left: its variables, and whether break or continue ended the iteration."""

    scope: Scope
    signal: Signal = Signal.NONE


class Step(Protocol):
    """One execution of one action, as the action sees it."""

    @property
    def path(self) -> str: ...

    @property
    def action(self) -> Action: ...

    @property
    def scope(self) -> Scope: ...

    @property
    def services(self) -> Services: ...

    async def text(self, delta: str) -> None:
        """A piece of the answer, to be shown at once."""

    async def log(self, level: str, message: str) -> None:
        """A line of the execution log."""

    async def waiting(self, reason: str, until: float) -> None:
        """The action waits by itself until `until` (seconds since the epoch)."""

    @property
    def attempt(self) -> int:
        """Which try of the action this is, from 1."""

    @property
    def noted(self) -> Any:
        """What this action noted in an earlier attempt of the run; None when nothing."""

    async def note(self, value: Any) -> None:
        """Keeps a JSON value for whoever continues the run. Durable once it returns."""

    async def rendered(self, value: Any, scope: Scope) -> Any:
        """The value of a LATER property in a scope. Raises ActionError of kind expression or not_set."""

    async def holds(self, expression: str, scope: Scope, where: str) -> bool:
        """Whether a condition holds in a scope; `where` names it in the error. Raises ActionError as `rendered`."""

    async def run_block(
        self,
        branch: Branch,
        *,
        index: int | None = None,
        variables: Mapping[str, Any] | None = None,
        isolated: bool = False,
    ) -> Lap:
        """Executes a branch in a scope of its own that holds `variables`.

        `index` numbers an iteration, which catches break and continue; without one both pass through. What an
        `isolated` block assigns is not seen outside. Raises RunFailed, Returned, LoopLeft.
        """

    async def skip(self, branch: Branch, reason: str) -> None:
        """Records every action of a branch as not run."""


class ActionType:
    """Subclass in `flows/actions/<folder>/action.py`; an instance holds no state."""

    type: ClassVar[str]
    title: ClassVar[str]
    purpose: ClassVar[str]  # one line, without a full stop
    group: ClassVar[Group]
    branches: ClassVar[Literal["none", "body", "conditions", "try"]] = "none"
    properties: ClassVar[Any]  # a frozen dataclass of prop() fields
    only_in_loops: ClassVar[bool] = False
    leaves_block: ClassVar[bool] = False  # what stands behind it in its block is never reached

    async def execute(self, properties: Any, step: Step) -> Result:
        """Does the work. `properties` are rendered. Raises ActionError."""
        raise NotImplementedError

    def declares(self, properties: Mapping[str, Any]) -> Sequence[tuple[str, str, bool]]:
        """Variables that stored properties bring into scope behind the action: (name, type, global)."""
        return [
            (name, str(declared.var_type or ""), False)
            for key, declared in props(self.properties).items()
            if declared.kind is PropertyKind.NEW_VARIABLE
            and isinstance(name := properties.get(key) or default_of(self.properties, key), str)
        ]

    def inside(self, properties: Mapping[str, Any], branch: str = "") -> Sequence[tuple[str, str]]:
        """Variables that exist only inside a branch of this role: (name, type)."""
        return []

    def role(self, action: Action, branch: Branch) -> str:
        """What a branch is for, where branches differ."""
        return ""

    def ways(self, action: Action) -> Sequence[Sequence[Branch]]:
        """The ways through a container: for each, the branches that run one after another.

        What every way sets is known behind the container. An iteration keeps what it sets, so a loop has none.
        """
        return [(), *((branch,) for branch in action.branches if self.branches != "body")]

    def problems(self, action: Action) -> Sequence[tuple[str | None, str]]:
        """What is wrong beside the properties themselves: (property, sentence)."""
        return []


@cache
def default_of(properties: Any, name: str) -> Any:
    declared = next(found for found in dataclasses.fields(properties) if found.name == name)
    return declared.default


def label(name: str) -> str:
    """A property in a sentence: api_key becomes API key."""
    return name.replace("_", " ").capitalize().replace("Api ", "API ")


TYPES = tuple(type.value for type in VariableType)
