"""Which inputs of a flow are shown masked: secret ones, secret parts of others, and what is used as a key anyway."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jinja2 import nodes

from connections.secret import MASK
from flows.language.document import Document
from flows.language.sandbox.expression_writer import TemplateRefused
from flows.language.sandbox.rewrite import parse_template
from flows.language.secret_parts import EACH, mask_parts
from flows.lint.literal_secrets import is_default, secrets_of, text_inputs_in_secrets

Hidden = Mapping[str, Sequence[str]]  # name -> paths of what is hidden in it; none when all of it is


def hidden_inputs(document: Document) -> Hidden:
    hidden: dict[str, Sequence[str]] = {i.name: i.secret_parts for i in document.inputs if i.may_hold_secret}
    for _, name in text_inputs_in_secrets(document):
        hidden[name] = ()
    types = {i.name: i.type for i in document.inputs}
    for place, value in secrets_of(document):
        for name, path in parts_read(value) if isinstance(value, str) and not is_default(place) else ():
            if types.get(name) in ("object", "list") and hidden.get(name, (path,)):
                hidden[name] = [*hidden.get(name, ()), path]
    return hidden


def shown_inputs(inputs: Mapping[str, Any], hidden: Hidden) -> dict[str, Any]:
    """The inputs of a run as people may see them; those that are not hidden stay the same objects."""
    return {
        name: show_input(value, hidden[name]) if name in hidden and value is not None else value
        for name, value in inputs.items()
    }


def show_input(value: Any, paths: Sequence[str]) -> Any:
    # Text may be the JSON of the object; nobody has looked yet.
    return mask_parts(value, paths) if paths and not isinstance(value, str) else MASK


def parts_read(template: str) -> Iterator[tuple[str, str]]:
    """Variables of which a template reads a part, with its path: ("customer", "keys.first")."""
    if "{{" not in template:
        return
    try:
        tree = parse_template(template)
    except TemplateRefused:
        return
    for found in tree.find_all((nodes.Getattr, nodes.Getitem)):
        name, *path = steps_of(found)
        if name == "inputs" and path:
            name, *path = path
        if name and path:
            yield name, "".join(f"[{step}]" if step == EACH else f'["{step}"]' for step in path)


def steps_of(node: nodes.Node) -> list[str]:
    """The name of a variable and the parts that lead to the node; a first empty name when it begins elsewhere."""
    match node:
        case nodes.Name(name=name):
            return [name]
        case nodes.Getattr(node=inner, attr=attr):
            return [*steps_of(inner), attr]
        case nodes.Getitem(node=inner, arg=nodes.Const(value=str(key))):
            return [*steps_of(inner), key]
        case nodes.Getitem(node=inner):
            return [*steps_of(inner), EACH]
    return [""]
