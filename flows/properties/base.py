"""What a property of an action is, said once: by a field of the dataclass `Properties` of its action type.

A kind of property is a module beside this one: a subclass of Property and the function that action types call.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar

from connections.endpoint.agent_place import AgentPlace
from connections.secret import Secret
from flows.language.expressions import ExpressionError, check, printed_names
from flows.language.rename import rename_in_value
from flows.language.scope import Scope, VariableInScope
from flows.language.shape import Shape

EMPTY: tuple[Any, ...] = (None, "", [], {})  # values of the panel that mean "not set"
LONGEST_ON_CARD = 40  # characters of a value on a card


@dataclass(frozen=True)
class Finding:
    """What is wrong with a stored value, in a sentence."""

    message: str
    severity: str = "error"  # or "warning"


@dataclass(frozen=True)
class LintContext:
    """What lint knows around an action while it looks at one of its properties."""

    variables: Mapping[str, VariableInScope]  # in front of the action
    variables_before_body: Callable[[], Mapping[str, VariableInScope]]  # in front of the first action inside
    variables_after_body: Callable[[], Mapping[str, VariableInScope]]  # behind the last action inside
    connections: Collection[str] | None  # those that exist; None leaves them unchecked
    connection_kinds: Mapping[str, str]  # by the name of the connection; those that are left out are of Foundry
    troubles: Mapping[str, str]  # why no call can go to a connection, by its name
    agent_places: Mapping[str, AgentPlace]  # whether there are agents, by the name of the connection
    without_embeddings: Mapping[str, Collection[str]]  # deployments that make none, by the name of the connection
    environment_secrets: Collection[str] | None  # variables of the server that flows may read; None: unchecked
    others: Mapping[str, Any]  # properties of the same action as they are stored, that nothing takes the place of
    is_overridden: bool  # another property of the action takes the place of this one


@dataclass(frozen=True)
class SecretContext:
    """What decides whether a value stands in a place for a secret."""

    properties: Mapping[str, Any]  # of the same action, as they are stored
    secret_variables: Collection[str]  # names that are declared as secret, wherever
    secret_inputs: Callable[[str], Collection[str]]  # names of the secret inputs of a flow, by its slug


ChangeSecret = Callable[[str, Any], Any]  # from what the place is called in a sentence, and its value, to the new one


@dataclass(frozen=True, kw_only=True)
class Property:
    """What all kinds have in common. A kind overrides what its values make different."""

    kind: ClassVar[str]  # the name of its module
    error_when_missing: ClassVar[str] = "property_missing"  # kind of the error of a run
    is_secret: ClassVar[bool] = False  # marked with a lock on the card
    makes_secrets: ClassVar[bool] = False  # a text that it reads may become a secret

    label: str  # in the panel, on the card, in sentences
    hint: str = ""  # below the field
    default: Any = None  # what the action gets when nothing is set
    required: bool = False  # without it a run stops
    overridden_by: str = ""  # the property that takes the place of this one, when that is set
    when_missing: str = ""  # what to do about it, in a sentence
    empty: str = ""  # what an empty field means, where that is not the default
    on_card: bool = False
    card_label: str = ""  # where the label is too long for a card
    advanced: bool = False  # folded away in the panel
    may_hold_secret: bool = False  # anywhere in its value, whatever the action does with it
    no_secrets: str = ""  # why none is offered for it, where it is not that its text would show one
    is_result: bool = False  # names the result variable: at the end of the panel, and what comes out of the card

    @property
    def empty_words(self) -> str:
        """What the empty field means, for the field itself."""
        return self.empty or text_of(self.default)

    @property
    def why_no_secrets(self) -> str:
        """Why no secret is offered to be put in; empty where one is."""
        return self.no_secrets or ("" if self.may_hold_secret else "secrets can't go into text")

    def is_unset(self, stored: Any) -> bool:
        """Whether the document says nothing."""
        return stored in (None, "", [])

    def is_overridden_in(self, properties: Mapping[str, Any]) -> bool:
        return bool(self.overridden_by and properties.get(self.overridden_by))

    def words_instead(self, value: Any) -> str:
        """What is used instead of a property that this one, with a value that is set, takes the place of."""
        return f"{self.label} is set, and used instead."

    # What a run gets

    async def open_secrets(self, value: Any, open: Callable[[str], Awaitable[Secret]]) -> Any:
        """The value with the secrets it stands for; `open` gives one by its key. Raises ActionError."""
        return value

    async def read(self, value: Any, scope: Scope) -> Any:
        """What the action gets for a value that is set, its secrets opened. Raises ValueError with a sentence."""
        return value

    def is_missing(self, value: Any) -> bool:
        """Whether a value that was read is none."""
        return value in (None, "", [])

    def variable_of(self, value: Any) -> str:
        """The variable that must have been set for the action, if the value names one."""
        return ""

    def without_secrets(self, value: Any) -> Any:
        """A value that was read, as the record of a run may have it."""
        return value

    # What lint says

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        """What is wrong with a value that is set."""
        return iter(())

    def unset_problems(self, context: LintContext) -> Iterator[Finding]:
        """What is wrong where nothing is set."""
        if self.required and not context.is_overridden:
            yield Finding(f"{self.label} is missing. {self.when_missing}".rstrip())

    def refuse(self, value: Any) -> str:
        """Why a value cannot be stored at all, in a sentence; nothing when it can."""
        return ""

    def connections_named(self, value: Any) -> Sequence[str]:
        return ()

    def embeds_with(self, value: Any) -> str:
        """The deployment that is asked for embeddings, as far as it is written down."""
        return ""

    def flow_named(self, value: Any) -> str:
        """The slug of another flow that the action runs, as far as it is written down."""
        return ""

    # The variables it brings into scope

    def declares(self, value: Any) -> Sequence[tuple[str, str, bool]]:
        """Variables behind the action: (name, type, global)."""
        return ()

    def binds(self, value: Any, role: str) -> Sequence[tuple[str, str]]:
        """Variables inside a branch of this role only: (name, type)."""
        return ()

    def assigns(self, value: Any, properties: Mapping[str, Any]) -> Sequence[tuple[Any, Any]]:
        """Variables and the templates they are set to; `properties` are those of the action."""
        return ()

    def shapes(self, value: Any, properties: Mapping[str, Any]) -> Mapping[str, Shape]:
        """What is known of the values of its variables, by name; `properties` are those of the action."""
        return {}

    def items_of(self, value: Any, properties: Mapping[str, Any]) -> Mapping[str, Any]:
        """Its variables that are one item after another of a list, with the stored value of the list, by name."""
        return {}

    def rename(self, value: Any, names: Mapping[str, str]) -> Any:
        """The stored value with variables renamed, from the old name to the new."""
        return rename_in_value(value, names)

    # Places for secrets

    def change_secrets(self, value: Any, change: ChangeSecret, context: SecretContext) -> Any:
        """The value with `change` applied to whatever stands in a place for a secret."""
        return value

    def is_write_only(self, stored: Any) -> bool:
        """Whether a stored value is a secret that the panel does not show."""
        return False

    # What the card says

    def brief(self, value: Any) -> str:
        """A few words of a value that is set; nothing when the card says only that it is."""
        return ""

    def card_rows(self, value: Any) -> Sequence[tuple[str, str, bool]] | None:
        """Rows instead of one for the property: (label, a few words, whether it is a secret)."""
        return None


def declare(property: Property) -> Any:
    """The field of a Properties class that has this property."""
    return field(default=property.default, metadata={"property": property})


@cache
def properties_of(properties: Any) -> Mapping[str, Property]:
    """The properties of a Properties class, or of one of its objects, by name, in the order of the panel."""
    return declared_in(properties if isinstance(properties, type) else type(properties))


@cache
def declared_in(properties: Any) -> Mapping[str, Property]:
    found = {declared.name: declared.metadata["property"] for declared in dataclasses.fields(properties)}
    return MappingProxyType(found)


@cache
def properties_that(properties: Any, method: str) -> Mapping[str, Property]:
    """Those of a Properties class whose kind has a word in this method, by name: most say nothing, of many actions."""
    silent, declared = getattr(Property, method), properties_of(properties)
    return MappingProxyType({n: each for n, each in declared.items() if getattr(type(each), method) is not silent})


def value_or_default(property: Property, stored: Any) -> Any:
    """What is read for a run."""
    return property.default if stored is None or stored == "" else stored


async def read_stored(property: Property, stored: Any, scope: Scope) -> Any:
    """What an action gets for a stored value without secrets; None when nothing is set. Raises ValueError."""
    value = value_or_default(property, stored)
    return None if value is None else await property.read(value, scope)


def text_of(value: Any) -> str:
    """A stored value as people type it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def brief_of(value: Any) -> str:
    """The beginning of a value, an expression without its braces."""
    return text_of(value).removeprefix("{{").removesuffix("}}").strip()[:LONGEST_ON_CARD]


def template_problems(
    template: str, variables: Mapping[str, VariableInScope], where: str, *, may_hold_secret: bool = True
) -> Iterator[Finding]:
    """What is wrong with a template that reads these variables; `where` names it in a sentence."""
    for name in () if may_hold_secret else sorted(printed_names(template) & variables.keys()):
        if variables[name].type == "secret":
            yield Finding(f"{where} would show the secret `{name}`. Hand it to a property for secrets alone.")
    try:
        names = check(template)
    except ExpressionError as error:
        yield Finding(f"{where}: {error}")
        return
    for name in sorted(names):
        found = variables.get(name)
        if found is None:
            yield Finding(f"`{name}` is not a variable here. Declare it above, or make it an input.")
        elif found.may_be_unset:
            default = f"{{{{ {name} | default('') }}}}"
            yield Finding(f"{say_may_be_unset(found)} or read it with {default}.", "warning")


def say_may_be_unset(variable: VariableInScope) -> str:
    return (
        f"`{variable.name}` may not be set here: {variable.declared_by} sets it, which not every way leads through. "
        "Set it in every branch,"
    )
