"""Headers or query parameters: values by name, an object or rows, of which those with names of secrets are secrets."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connections.endpoint.embedded_secrets import is_name_of_secret, normalized_name
from connections.secret import Secret
from flows.language.rendering import off_loop_if_heavy
from flows.language.scope import Scope
from flows.language.secret_parts import seal
from flows.language.values import to_json
from flows.properties.assigned_value import open_among_values
from flows.properties.base import ChangeSecret, SecretContext, declare
from flows.properties.flow_inputs import object_in
from flows.properties.value import ValueProperty, render_value

SECRETS = ("cookie", "proxyauthorization")  # beside what is called so in an address
# Where a list goes on is no secret, though it is called a token.
PLACES = re.compile(r"(?:next|previous|prev|page|continuation|cursor|skip|sync|start|change)+token")


@dataclass(frozen=True, kw_only=True)
class NamedValuesProperty(ValueProperty):
    kind = "named_values"
    makes_secrets = True

    may_hold_secret: bool = True
    keeps_json: bool = True

    async def open_secrets(self, value: Any, open: Callable[[str], Awaitable[Secret]]) -> Any:
        return await open_among_values(value, open)

    async def read(self, value: Any, scope: Scope) -> Any:
        """An object of values, or of lists where a name is there more than once."""
        return await off_loop_if_heavy(named_values_of, await render_value(value, scope))

    def change_secrets(self, value: Any, change: ChangeSecret, context: SecretContext) -> Any:
        named = value if isinstance(value, Mapping) else object_in(value)
        if not named or not any(map(names_secret, named)):
            return value
        changed = {name: change(str(name), each) if names_secret(name) else each for name, each in named.items()}
        return value if changed == dict(named) else changed


def named_values(label: str, **more: Any) -> Any:
    return declare(NamedValuesProperty(label=label, **more))


def names_secret(name: Any) -> bool:
    plain = normalized_name(str(name))
    return plain in SECRETS or (is_name_of_secret(plain) and not PLACES.fullmatch(plain))


def named_values_of(given: Any) -> dict[str, Any]:
    """Raises ValueError."""
    if given in (None, "", []):
        return {}
    found: dict[str, Any] = {}
    for name, value in pairs_in(given):
        kept = seal(value) if names_secret(name) else value
        found[name] = [*as_list(found[name]), *as_list(kept)] if name in found else kept
    return found


def pairs_in(given: Any) -> Iterator[tuple[str, Any]]:
    """Of an object, of rows with name and value, or of JSON that is either. Raises ValueError."""
    if not isinstance(given, list | tuple):
        yield from to_json(given, dict, "an object, or rows of name and value").items()
        return
    for row in given:
        if not isinstance(row, Mapping) or not isinstance(row.get("name"), str):
            raise ValueError("a row has no name")
        yield row["name"], row.get("value")


def as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
