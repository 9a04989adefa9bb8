"""The inputs of a run as its first variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.secret import MASK, Secret
from flows.actions.services import Services
from flows.language.document import Document
from flows.language.errors import ActionError
from flows.language.files import HOW, GivenFile
from flows.language.nodes import Input
from flows.language.scope import Scope
from flows.language.secret_parts import seal_parts
from flows.language.stored_secrets import is_stored


async def with_stored_defaults(document: Document, inputs: Mapping[str, Any], services: Services) -> Mapping[str, Any]:
    """With the defaults of secret inputs that are kept in encrypted storage. Raises ActionError."""
    opened = {
        declared.name: await services.secret(declared.default["secret"])
        for declared in document.inputs
        if has_stored_default(declared) and inputs.get(declared.name) is None
    }
    return {**inputs, **opened} if opened else inputs


def type_hint(declared: Input) -> str:
    return f"{HOW}." if declared.type == "file" else f"Its type is {declared.type}."


def has_stored_default(declared: Input) -> bool:
    return declared.type == "secret" and is_stored(declared.default)


def check_files(document: Document, inputs: Mapping[str, Any]) -> None:
    """What somebody starts a run with: files where they belong, and nothing in their place. Raises ActionError."""
    for declared in document.inputs:
        value = inputs.get(declared.name)
        if isinstance(value, GivenFile) and declared.type != "file":
            raise ActionError("input", f"The input {declared.name} is no file.", type_hint(declared))
        if declared.type == "file" and value is not None and not isinstance(value, GivenFile):
            raise ActionError("input", f"The input {declared.name} is not a file.", type_hint(declared))


def first_scope(document: Document, inputs: Mapping[str, Any]) -> Scope:
    """The inputs as variables, by their names and together as `inputs`.

    A default in encrypted storage counts as there; it is a mask until `with_stored_defaults` gives it.
    """
    known = {declared.name for declared in document.inputs}
    if unknown := sorted(set(inputs) - known):
        names = ", ".join(sorted(known)) or "none"
        raise ActionError("input", f"There is no input {unknown[0]}.", f"Inputs of this flow: {names}.")
    scope = Scope()
    for declared in document.inputs:
        value = inputs.get(declared.name)
        if value is None:
            value = Secret(MASK) if has_stored_default(declared) else declared.default
        if declared.required and (value is None or value == ""):
            raise ActionError("input", f"The input {declared.name} is missing.", "It is required; fill it in.")
        try:
            scope.declare(declared.name, declared.type, value)
            if declared.secret_parts:
                scope.put(declared.name, seal_parts(scope.get(declared.name), declared.secret_parts))
        except ValueError as error:
            raise ActionError("input", f"The input {declared.name} {error}.", type_hint(declared)) from None
    together = {name: variable.value for name, variable in scope.variables.items()}
    scope.put("inputs", together)
    return scope
