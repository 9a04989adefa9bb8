"""The properties of an action as it gets them: templates rendered, secrets opened, none in what is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.secret import Secret
from flows.actions.services import Services
from flows.interpreter.journal import Journal
from flows.language.document import Document
from flows.language.errors import ActionError
from flows.language.expressions import ExpressionError
from flows.language.nodes import Action
from flows.language.scope import Scope
from flows.language.values import display_json, holds_secret
from flows.lint.visible import unset_at
from flows.properties.base import Property, properties_of, value_or_default


class PropertyReader:
    """Reads the properties of the actions of one run."""

    def __init__(self, journal: Journal, services: Services, document: Document | None) -> None:
        self._journal, self._services, self._document = journal, services, document

    async def read(self, properties: Any, action: Action, scope: Scope) -> Any:
        """The properties with their templates rendered and their secrets opened. Raises ActionError."""
        values = {}
        for name, property in properties_of(properties).items():
            value = value_or_default(property, action.properties.get(name))
            if value is not None:
                value = await self._read_one(property, value, action, scope)
            if property.required and property.is_missing(value) and not property.is_overridden_in(action.properties):
                hint = property.when_missing or "Fill it in in the property panel."
                raise ActionError(property.error_when_missing, f"{property.label} is missing.", hint)
            values[name] = value
        return properties(**values)

    async def _read_one(self, property: Property, value: Any, action: Action, scope: Scope) -> Any:
        value = await property.open_secrets(value, self._open_secret)
        try:
            value = await property.read(value, scope)
            if (variable := property.variable_of(value)) and scope.find(variable) is None:
                self._refuse_unset(action, variable)
        except ValueError as error:
            raise self.wrong_expression(action, error, property.label) from None
        return value

    async def _open_secret(self, id: str) -> Secret:
        secret = await self._services.secret(id)
        self._journal.secrets.learn((secret,))
        return secret

    def _refuse_unset(self, action: Action, name: str) -> None:
        if self._document and unset_at(self._document, action.id, name, in_loop=False):
            raise ExpressionError(f"`{name}` is not set.", missing=name)

    def wrong_expression(self, action: Action, error: ValueError, where: str, *, in_loop: bool = False) -> ActionError:
        """What to tell of a template of the action that could not be evaluated."""
        missing = error.missing if isinstance(error, ExpressionError) else ""
        unset = None
        if missing and self._document:
            unset = unset_at(self._document, action.id, missing, in_loop=in_loop)
        said = f"{where}: " if where else ""
        if unset is None:
            return ActionError("expression", f"{said}{error}", "Correct the property in the panel.")
        return ActionError(
            "not_set",
            f"{said}`{missing}` is not set: {unset.declared_by} sets it, and the run did not come through there.",
            f"Set it in every branch, declare it before, or read it with {{{{ {missing} | default('') }}}}.",
        )

    def refuse_secrets(
        self, values: Mapping[str, Any], properties: Mapping[str, Property], sent: Mapping[str, Any]
    ) -> None:
        """Raises ActionError when a property holds a secret that must not; what is `sent` to a model none as text."""
        checked = [name for name, property in properties.items() if not property.may_hold_secret and values[name]]
        for name in checked:
            is_sent = name in sent and self._journal.secrets.are_texts_too and self._is_known(sent[name])
            if is_sent or holds_secret(values[name]):
                raise ActionError(
                    "secret_in_text",
                    f"{properties[name].label} would show a secret.",
                    "Hand a secret to a property for secrets, and leave it out of what is shown or sent.",
                )

    def _is_known(self, shown: Any) -> bool:
        return bool(self._journal.secrets.found_among([shown]))


def displayed_inputs(rendered: Mapping[str, Any], properties: Mapping[str, Property]) -> dict[str, Any]:
    """The properties that are set, as people may see them."""
    return {
        name: display_json(properties[name].without_secrets(value))
        for name, value in rendered.items()
        if value not in (None, "", [])
    }
