"""What the designer keeps beside a flow: inputs to run it with, and outputs that are used in place of actions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import models, transaction

from connections.fields import SecretField
from connections.secret import MASK
from flows.language.files import holds_file
from flows.models.flow import Flow

LARGEST_INPUTS = 500_000  # characters, as JSON
MOST_SAVED = 50  # inputs of one flow
LONGEST_NAME = 80


class LastInputsManager(models.Manager["LastInputs"]):
    def tried_with(self, flow: Flow, person: User, action_id: str) -> dict[str, str]:
        """What somebody last tried the code of an action with."""
        trials = self.filter(flow=flow, person=person).values_list("trials", flat=True).first()
        return dict((trials or {}).get(action_id, {}))

    @transaction.atomic
    def keep_trial(self, flow: Flow, person: User, action_id: str, typed: Mapping[str, str]) -> None:
        """For the next time, unless it is too large; of actions that are gone nothing is kept."""
        kept, _ = self.select_for_update().get_or_create(flow=flow, person=person)
        known = flow.current.parsed()
        trials = {id: values for id, values in {**kept.trials, action_id: dict(typed)}.items() if known.find(id)}
        if is_storable(trials):
            kept.trials = trials
            kept.save(update_fields=["trials"])


class LastInputs(models.Model):
    """What somebody last ran a flow with in the designer, without what is secret, and the number of that run.

    And what its code was last tried with: texts by the name of the parameter, by the id of the action.
    """

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="last_inputs")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    inputs = models.JSONField(default=dict)
    run_number = models.PositiveBigIntegerField(null=True)
    trials = models.JSONField(default=dict)

    objects = LastInputsManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["flow", "person"], name="last_inputs_once")]

    def __str__(self) -> str:
        return f"Inputs of flow {self.flow_id}"


class SavedInputs(models.Model):
    """Inputs with a name, for everybody who runs the flow in the designer; without what is secret."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="saved_inputs")
    name = models.CharField(max_length=LONGEST_NAME)
    inputs = models.JSONField(default=dict)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["flow", "name"], name="saved_inputs_once_a_name")]

    def __str__(self) -> str:
        return self.name


class Pin(models.Model):
    """The output of an action in a run, which runs from the designer use instead of executing the action."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="pins")
    action_id = models.CharField(max_length=100)
    title = models.CharField(max_length=200)  # of the action, for when it is gone
    run_number = models.PositiveBigIntegerField()
    count = models.PositiveIntegerField()  # outcomes: more than one in a loop
    above = models.CharField(max_length=64)  # digest of what decides the inputs of the action, as it was in that run
    content = SecretField()  # a PinnedAction, lossless
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    secrets_known_by = "flow__name"

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["flow", "action_id"], name="one_pin_an_action")]

    def __str__(self) -> str:
        return self.title


def is_storable(inputs: Mapping[str, Any]) -> bool:
    return len(json.dumps(inputs, ensure_ascii=False)) <= LARGEST_INPUTS


def without_masks(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Those that can be given again: what is secret in the others is gone, and so are files."""
    return {
        name: value
        for name, value in inputs.items()
        if not holds_file(value) and MASK not in json.dumps(value, ensure_ascii=False)
    }
