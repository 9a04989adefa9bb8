"""Where a document takes secrets, and what may stand there: a stored one, `{"secret": key}`, or exactly one expression.

A literal is handed over for encrypted storage. Whatever mixes a literal with a template is refused, since a part of the
secret would stay in the document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import nodes

from flows.actions import registry
from flows.actions.base import Prop, PropertyKind, label, props
from flows.language.document import Action, Document, Json
from flows.language.sandbox.expression_writer import TemplateRefused
from flows.language.sandbox.rewrite import parse_template, single_expression
from flows.language.values import as_text

KEY = re.compile(r"s[0-9a-f]{12}")  # of a stored secret
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
class Place:
    """A spot that takes a secret: of an action, or of the inputs of the flow."""

    action_id: str | None
    property: str
    title: str  # what it is called in a sentence


def no_flows(slug: str) -> Collection[str]:
    return ()


def set_aside(
    document: Document, keep: Callable[[str], Mapping[str, str]], secret_inputs: SecretInputs = no_flows
) -> Document:
    """The document with every literal secret replaced by what `keep` gives for it."""

    def kept(place: Place, value: Any) -> Any:
        literal = literal_of(place, value)
        return value if literal is None else dict(keep(literal))

    return each_secret(document, kept, secret_inputs)


def refusals(document: Document, secret_inputs: SecretInputs = no_flows) -> list[tuple[Place, str]]:
    """Where a literal is mixed with a template, in sentences."""
    found: list[tuple[Place, str]] = []

    def look(place: Place, value: Any) -> Any:
        if sentence := refusal_of(place, value):
            found.append((place, f"{place.title}: {sentence}"))
        return value

    each_secret(document, look, secret_inputs)
    return found


def secrets_of(document: Document, secret_inputs: SecretInputs = no_flows) -> list[tuple[Place, Any]]:
    """Every value in a place for a secret."""
    found: list[tuple[Place, Any]] = []

    def look(place: Place, value: Any) -> Any:
        found.append((place, value))
        return value

    each_secret(document, look, secret_inputs)
    return found


# What stands in a place


def is_stored(value: Any) -> bool:
    """Whether it stands for a literal in encrypted storage."""
    return isinstance(value, Mapping) and set(value) == {"secret"} and isinstance(value["secret"], str)


def is_own_key(value: Any) -> bool:
    """As `is_stored`, where any object may stand: only a key as this server makes them."""
    return is_stored(value) and KEY.fullmatch(value["secret"]) is not None


def is_default(place: Place) -> bool:
    return place.action_id is None


def literal_of(place: Place, value: Any) -> str | None:
    """The secret that is typed there as it is; None when there is none, or a template."""
    if value in (None, "") or is_stored(value):
        return None
    text = value if isinstance(value, str) else as_text(value)
    # A default is not rendered, whatever it looks like.
    return text if is_default(place) or "{{" not in text else None


def refusal_of(place: Place, value: Any) -> str:
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


def each_secret(document: Document, change: Callable[[Place, Any], Any], secret_inputs: SecretInputs) -> Document:
    """The document with `change` applied to every value in a place for a secret."""
    secret_inputs = cache(secret_inputs)  # many actions run the same flow
    document = document.with_inputs([input_changed(declared.json, change) for declared in document.inputs])
    names = secret_names(document)
    for located in list(document.walk()):
        properties = properties_changed(located.action, change, names, secret_inputs)
        if properties != located.action.properties:
            document = document.with_properties(located.action.id, properties)
    return document


def input_changed(declared: Json, change: Callable[[Place, Any], Any]) -> Json:
    if declared.get("type") != "secret" or "default" not in declared:
        return declared
    place = Place(None, "inputs", f"The default of the input {declared['name']}")
    return {**declared, "default": change(place, declared["default"])}


def secret_names(document: Document) -> set[str]:
    """Names of variables that are declared as secret, wherever."""
    names = {declared.name for declared in document.inputs if declared.type == "secret"}
    for located in document.walk():
        for name, declared in declared_properties(located.action):
            if declared.kind is PropertyKind.VARIABLES:
                rows = rows_of(located.action.properties.get(name))
                names |= {row["name"] for row in rows if row.get("type") == "secret"}
    return names


def properties_changed(
    action: Action, change: Callable[[Place, Any], Any], secret_names: Collection[str], secret_inputs: SecretInputs
) -> Mapping[str, Any]:
    properties = dict(action.properties)
    for name, declared in declared_properties(action):
        if name not in properties:
            continue
        value, place = properties[name], Place(action.id, name, label(name))
        if declared.kind is PropertyKind.SECRET:
            properties[name] = change(place, value)
        elif declared.kind is PropertyKind.VARIABLES and isinstance(value, list):
            properties[name] = [row_changed(row, place, change) for row in value]
        elif declared.typed_by and is_among(properties.get(declared.typed_by), secret_names):
            properties[name] = change(place, value)
        elif declared.inputs_of and isinstance(slug := properties.get(declared.inputs_of), str):
            properties[name] = inputs_changed(value, place, change, secret_inputs(slug.strip()))
    return properties


def is_among(name: Any, names: Collection[str]) -> bool:
    return isinstance(name, str) and name in names


def row_changed(row: Any, place: Place, change: Callable[[Place, Any], Any]) -> Any:
    if not isinstance(row, Mapping) or row.get("type") != "secret" or "value" not in row:
        return row
    return {**row, "value": change(Place(place.action_id, place.property, str(row.get("name") or "?")), row["value"])}


def inputs_changed(value: Any, place: Place, change: Callable[[Place, Any], Any], names: Collection[str]) -> Any:
    """Values for the inputs of another flow: an object, or one that is written as text."""
    inputs = value if isinstance(value, Mapping) else object_in(value) if names else None
    if not inputs or not set(inputs) & set(names):
        return value
    changed = {
        name: change(Place(place.action_id, place.property, f"The input {name}"), each) if name in names else each
        for name, each in inputs.items()
    }
    # Text stays text unless something in it was taken out.
    return value if changed == dict(inputs) else changed


def object_in(text: Any) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def declared_properties(action: Action) -> Iterable[tuple[str, Prop]]:
    try:
        return props(registry.action_type(action.type).properties).items()
    except registry.UnknownAction:
        return ()


def rows_of(value: Any) -> Iterator[Mapping[str, Any]]:
    for row in value if isinstance(value, list) else []:
        if isinstance(row, Mapping) and isinstance(row.get("name"), str):
            yield row


# Texts that become secrets


def text_inputs_used(document: Document, secret_inputs: SecretInputs = no_flows) -> Iterator[tuple[Place, str]]:
    """Inputs of type text whose value reaches a place for a secret, directly or through variables."""
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
    for located in document.walk():
        properties = located.action.properties
        for name, declared in declared_properties(located.action):
            if declared.kind is PropertyKind.VARIABLES:
                pairs = [(row["name"], row.get("value")) for row in rows_of(properties.get(name))]
            elif declared.typed_by:
                pairs = [(properties.get(declared.typed_by), properties.get(name))]
            else:
                continue
            yield from ((to, value) for to, value in pairs if isinstance(to, str) and isinstance(value, str))


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
