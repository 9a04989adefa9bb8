"""Where a document takes secrets, and what may stand there: a stored one, `{"secret": key}`, or exactly one expression.

A literal is handed over for encrypted storage. Whatever mixes a literal with a template is refused, since a part of the
secret would stay in the document.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import nodes

from flows.actions.registry import properties_of_type, variables_declared
from flows.language.document import Document
from flows.language.nodes import Action, Json
from flows.language.sandbox.expression_writer import TemplateRefused
from flows.language.sandbox.rewrite import parse_template, single_expression
from flows.language.stored_secrets import LEFT_OUT, is_stored
from flows.language.values import as_text
from flows.properties.base import ChangeSecret, SecretContext

MIXED = (
    "A secret is either one literal, which is stored encrypted, or exactly one expression such as {{ api_key }}. "
    "Text and expression cannot be mixed."
)
LITERAL = (
    "A literal inside an expression would stay readable. Type it alone, so that it is stored encrypted, "
    "or take it from a variable of type secret."
)
SHAPE = "A secret is either one literal or exactly one expression, not an object or a list."

SecretInputs = Callable[[str], Collection[str]]  # names of the secret inputs of a flow, by its slug


@dataclass(frozen=True)
class SecretPlace:
    """A spot that takes a secret: of an action, or of the inputs of the flow."""

    action_id: str | None
    property: str
    title: str  # what it is called in a sentence


def no_flows(slug: str) -> Collection[str]:
    return ()


def replace_literals(
    document: Document, keep: Callable[[str], Mapping[str, str]], secret_inputs: SecretInputs = no_flows
) -> Document:
    """The document with every literal secret replaced by what `keep` gives for it."""

    def replace(place: SecretPlace, value: Any) -> Any:
        literal = literal_of(place, value)
        return value if literal is None else dict(keep(literal))

    return change_secrets(document, replace, secret_inputs)


def without_literals(document: Document, secret_inputs: SecretInputs = no_flows) -> Document:
    """The document without what is secret in it and not stored apart, which older ones may hold."""

    def leave_out(place: SecretPlace, value: Any) -> Any:
        return dict(LEFT_OUT) if literal_of(place, value) is not None or refusal_of(place, value) else value

    return change_secrets(document, leave_out, secret_inputs)


def refusals(document: Document, secret_inputs: SecretInputs = no_flows) -> list[tuple[SecretPlace, str]]:
    """Where a literal is mixed with a template, in sentences."""
    found = ((place, refusal_of(place, value)) for place, value in secrets_of(document, secret_inputs))
    return [(place, f"{place.title}: {sentence}") for place, sentence in found if sentence]


def secrets_of(document: Document, secret_inputs: SecretInputs = no_flows) -> list[tuple[SecretPlace, Any]]:
    """Every value in a place for a secret."""
    found: list[tuple[SecretPlace, Any]] = []

    def note(place: SecretPlace, value: Any) -> Any:
        found.append((place, value))
        return value

    change_secrets(document, note, secret_inputs)
    return found


# What stands in a place


def is_default(place: SecretPlace) -> bool:
    return place.action_id is None


def literal_of(place: SecretPlace, value: Any) -> str | None:
    """The secret that is typed there as it is; None when there is none, or a template."""
    if value in (None, "") or is_stored(value):
        return None
    text = value if isinstance(value, str) else as_text(value)
    # A default is not rendered, whatever it looks like.
    return text if is_default(place) or "{{" not in text else None


def refusal_of(place: SecretPlace, value: Any) -> str:
    """Why a value cannot stand there, in a sentence; nothing when it can."""
    if value in (None, "") or is_stored(value) or literal_of(place, value) is not None:
        return ""
    if not isinstance(value, str):
        return SHAPE
    bare = value.strip()
    if not (bare.startswith("{{") and bare.endswith("}}")):
        return MIXED
    try:
        single = single_expression(parse_template(bare))
    except TemplateRefused:
        return ""  # said of every template that cannot be read
    if single is None:
        return MIXED
    return LITERAL if gives_literal(single) else ""


def gives_literal(node: nodes.Node) -> bool:
    """Whether a text that is written in the expression may come out of it."""
    match node:
        case nodes.Const():
            return isinstance(node.value, str) and bool(node.value.strip())
        case nodes.CondExpr():
            return gives_literal(node.expr1) or (node.expr2 is not None and gives_literal(node.expr2))
        case nodes.Concat():
            return any(map(gives_literal, node.nodes))
        case nodes.BinExpr():
            return gives_literal(node.left) or gives_literal(node.right)
        case nodes.Filter():
            defaults = node.args if node.name in ("default", "d") else []
            return any(gives_literal(each) for each in (node.node, *defaults) if each is not None)
        case nodes.Getattr() | nodes.Getitem():
            return gives_literal(node.node)
        case nodes.List() | nodes.Tuple():
            return any(map(gives_literal, node.items))
        case nodes.Dict():
            return any(gives_literal(pair.value) for pair in node.items)
    return False


# Where the places are


def change_secrets(
    document: Document, change: Callable[[SecretPlace, Any], Any], secret_inputs: SecretInputs
) -> Document:
    """The document with `change` applied to every value in a place for a secret."""
    secret_inputs = cache(secret_inputs)  # many actions run the same flow
    document = document.with_inputs([change_input(declared.json, change) for declared in document.inputs])
    names = document.find_once(secret_names)
    for action in document.find_once(actions_with_places):
        properties = change_properties(action, change, names, secret_inputs)
        if properties != action.properties:
            document = document.with_properties(action.id, properties)
    return document


def actions_with_places(document: Document) -> list[Action]:
    """Those whose properties may be places for secrets."""
    actions = (located.action for located in document.walk())
    return [each for each in actions if properties_of_type(each.type, "change_secrets").keys() & each.properties.keys()]


def change_input(declared: Json, change: Callable[[SecretPlace, Any], Any]) -> Json:
    if declared.get("type") != "secret" or "default" not in declared:
        return declared
    place = SecretPlace(None, "inputs", f"The default of the input {declared['name']}")
    return {**declared, "default": change(place, declared["default"])}


def secret_names(document: Document) -> set[str]:
    """Names of variables that are declared as secret, wherever."""
    names = {declared.name for declared in document.inputs if declared.type == "secret"}
    for action in (located.action for located in document.walk()):
        names |= {name for name, type, _ in variables_declared(action) if type == "secret"}
    return names


def change_properties(
    action: Action,
    change: Callable[[SecretPlace, Any], Any],
    secret_names: Collection[str],
    secret_inputs: SecretInputs,
) -> Mapping[str, Any]:
    """The properties of an action with `change` applied to every value in a place for a secret."""
    context = SecretContext(action.properties, secret_names, secret_inputs)

    def change_at(name: str) -> ChangeSecret:
        return lambda title, value: change(SecretPlace(action.id, name, title), value)

    known = properties_of_type(action.type, "change_secrets")
    return {
        name: known[name].change_secrets(value, change_at(name), context) if name in known else value
        for name, value in action.properties.items()
    }


# Texts that become secrets


def text_inputs_in_secrets(
    document: Document, secret_inputs: SecretInputs = no_flows
) -> Iterator[tuple[SecretPlace, str]]:
    """Inputs of type text whose value reaches a place for a secret, directly or through variables: (place, name)."""
    sources = sources_of(document)
    for place, value in secrets_of(document, secret_inputs):
        if isinstance(value, str) and not is_default(place):
            for name in sorted(set().union(*(sources.get(each, set()) for each in names_in(value)))):
                yield place, name


def sources_of(document: Document) -> dict[str, set[str]]:
    """For each variable the text inputs that it may hold."""
    sources: dict[str, set[str]] = {i.name: {i.name} for i in document.inputs if i.type == "text"}
    assigned = [(name, names_in(value)) for name, value in assignments(document)]
    changed = True
    while changed:
        changed = False
        for name, read in assigned:
            found = set().union(*(sources.get(each, set()) for each in read)) - sources.get(name, set())
            if found:
                sources[name] = sources.get(name, set()) | found
                changed = True
    return sources


def assignments(document: Document) -> Iterator[tuple[str, str]]:
    """Variables and the templates they are set to."""
    for action in (located.action for located in document.walk()):
        for name, property in properties_of_type(action.type, "assigns").items():
            for variable, template in property.assigns(action.properties.get(name), action.properties):
                if isinstance(variable, str) and isinstance(template, str):
                    yield variable, template


def names_in(template: str) -> set[str]:
    """The variables that a template reads; x for `inputs.x`."""
    if "{{" not in template and "{%" not in template:
        return set()
    try:
        tree = parse_template(template)
    except TemplateRefused:
        return set()
    names = {node.name for node in tree.find_all(nodes.Name)}
    for found in tree.find_all((nodes.Getattr, nodes.Getitem)):
        match found:
            case nodes.Getattr(node=nodes.Name(name="inputs")):
                names.add(found.attr)
            case nodes.Getitem(node=nodes.Name(name="inputs"), arg=nodes.Const(value=str(key))):
                names.add(key)
    return names - {"inputs"}
