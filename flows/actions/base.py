"""What an action type is: its properties, what it does, and what it tells the runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal, Protocol

from flows.actions.refused_try import RefusedTry
from flows.actions.services import Services
from flows.language.errors import Signal as Signal
from flows.language.nodes import Action, Branch
from flows.language.scope import Scope
from flows.language.shape import Shape
from flows.language.values import Declared
from flows.properties.base import properties_that


class Group(StrEnum):
    """The family of an action type: its place in the toolbox and the colour of its tile."""

    AZURE = "azure"
    BUILTIN = "builtin"
    CONTROL = "control"
    OUTPUT = "output"


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
class BlockResult:
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

    async def stream_text(self, delta: str) -> None:
        """A piece of the answer, to be shown at once."""

    async def report_facts(self, facts: Mapping[str, Any]) -> None:
        """What is known of the action before it ends, for whoever watches; its result repeats what is to stay."""

    async def log(self, level: str, message: str) -> None:
        """A line of the execution log."""

    async def report_wait(self, reason: str, until: float | None, refused: RefusedTry | None = None) -> None:
        """The action waits by itself until `until` (seconds since the epoch), because a try was `refused` or not.

        None: nobody knows how long.
        """

    async def report_resumption(self) -> None:
        """The action goes on after a wait."""

    @property
    def attempt(self) -> int:
        """Which try of the action this is, from 1."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the action knows of this try already: it stays when an error or a timeout ends it."""

    @property
    def last_note(self) -> Any:
        """What this action noted in an earlier attempt of the run; None when nothing."""

    async def note(self, value: Any) -> None:
        """Keeps a JSON value for whoever continues the run. Durable once it returns."""

    async def render(self, value: Any, scope: Scope) -> Any:
        """The value of a deferred property in a scope. Raises ActionError of kind expression or not_set."""

    async def holds(self, expression: str, scope: Scope, where: str) -> bool:
        """Whether a condition holds in a scope; `where` names it in the error. Raises ActionError as `render`."""

    async def run_block(
        self,
        branch: Branch,
        *,
        index: int | None = None,
        items: Sequence[Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        isolated: bool = False,
    ) -> BlockResult:
        """Executes a branch in a scope of its own that holds `variables`.

        `index` numbers an iteration, which catches break and continue; without one both pass through. `items` are all
        that the loop goes over, where it knows. What an `isolated` block assigns is not seen outside. Raises
        RunFailed, Returned, LoopLeft.
        """

    async def skip(self, branch: Branch, reason: str) -> None:
        """Records every action of a branch as not run."""


@dataclass(frozen=True)
class NewBranch:
    """A branch that a new action has."""

    role: str  # ends its id
    title: str = ""
    condition: str | None = None  # empty where one is to be typed

    def to_json(self, owner_id: str) -> dict[str, Any]:
        condition = {} if self.condition is None else {"condition": self.condition}
        return {"id": f"{owner_id}-{self.role}", "title": self.title, **condition, "actions": []}


@dataclass(frozen=True)
class PastedProperties:
    """What was read of a pasted text: properties (None clears one), and in sentences what could not be taken over."""

    properties: Mapping[str, Any]
    notes: Sequence[str] = ()


class ActionType:
    """Subclass in `flows/actions/<folder>/action.py`; an instance holds no state."""

    type: ClassVar[str]
    title: ClassVar[str]
    purpose: ClassVar[str]  # one line, without a full stop
    group: ClassVar[Group]
    branches: ClassVar[Literal["none", "body", "conditions", "try"]] = "none"
    new_branches: ClassVar[Sequence[NewBranch]] = ()
    properties: ClassVar[Any]  # a frozen dataclass of the kinds in flows/properties
    brings_secrets: ClassVar[bool] = False  # from outside, as Secret: they were no text of the run before
    calls_model: ClassVar[bool] = False  # its output is the answer of a model
    only_in_loops: ClassVar[bool] = False
    leaves_block: ClassVar[bool] = False  # what stands behind it in its block is never reached
    takes_paste_of: ClassVar[str] = ""  # what text can be turned into its properties, such as "a curl command"

    async def execute(self, properties: Any, step: Step) -> Result:
        """Does the work. `properties` are rendered. Raises ActionError."""
        raise NotImplementedError

    def declares(self, properties: Mapping[str, Any]) -> Sequence[tuple[str, str, bool]]:
        """Variables that stored properties bring into scope behind the action: (name, type, global)."""
        return [
            variable
            for name, property in properties_that(self.properties, "declares").items()
            for variable in property.declares(properties.get(name))
        ]

    def inside(self, properties: Mapping[str, Any], role: str = "") -> Sequence[tuple[str, str]]:
        """Variables that exist only inside a branch of this role: (name, type)."""
        return [
            variable
            for name, property in properties_that(self.properties, "binds").items()
            for variable in property.binds(properties.get(name), role)
        ]

    def values_inside(self, recorded: Mapping[str, Any], index: int) -> Mapping[str, Any]:
        """What a loop has bound in an iteration, told by its properties as a run has recorded them."""
        return {}

    def shapes(self, properties: Mapping[str, Any]) -> Mapping[str, Shape]:
        """What is known of the values of those variables, by name."""
        declared = properties_that(self.properties, "shapes").items()
        found = [property.shapes(properties.get(name), properties) for name, property in declared]
        return {variable: shape for each in found for variable, shape in each.items()}

    def items_of(self, properties: Mapping[str, Any]) -> Mapping[str, Any]:
        """Those that are one item after another of a list, with the stored value of the list, by name."""
        declared = properties_that(self.properties, "items_of").items()
        found = [property.items_of(properties.get(name), properties) for name, property in declared]
        return {variable: items for each in found for variable, items in each.items()}

    def iterations_in(self, recorded: Mapping[str, Any]) -> int | None:
        """How many iterations a loop has, told by the same; None where nobody knows before its end."""
        return None

    def role(self, action: Action, branch: Branch) -> str:
        """What a branch is for, where branches differ."""
        return ""

    def ways(self, action: Action) -> Sequence[Sequence[Branch]]:
        """The ways through a container: for each, the branches that run one after another.

        What every way sets is known behind the container. An iteration keeps what it sets, so a loop has none.
        """
        return [(), *((branch,) for branch in action.branches if self.branches != "body")]

    def read_paste(self, text: str) -> PastedProperties:
        """The properties in a pasted text. Raises ValueError with a sentence when it is none that is taken."""
        raise NotImplementedError

    def problems(self, action: Action) -> Sequence[tuple[str | None, str]]:
        """What is wrong beside the properties themselves: (property, sentence)."""
        return []
