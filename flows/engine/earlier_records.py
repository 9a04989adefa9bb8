"""What a run had recorded of a text before the text was used as a key: masks for that, too."""

from __future__ import annotations

import json
from typing import Any

from connections.secret import Secret
from flows.interpreter.known_secrets import KnownSecrets
from flows.models import ActionRun, Checkpoint, Iteration, LogEntry, Run

SHOWN = ("inputs", "output", "variables", "facts", "error", "warning", "reason", "text", "refused")
NAMES = ("label", "customer", "connection", "host")  # of iterations
EVERY = 1.0  # seconds, since a flow may make a key of a text in each of a thousand iterations


def mask_earlier_records(run_id: int, secrets: KnownSecrets, *, ends: bool) -> None:
    """Masks rows of the run that are in the database, in the transaction that is open, when there may be any."""
    if not secrets.take_search(EVERY, ends=ends):
        return
    for row in ActionRun.objects.filter(run_id=run_id).only(*SHOWN).iterator():
        mask_row(row, {name: getattr(row, name) for name in SHOWN}, secrets)
    for iteration in Iteration.objects.filter(run_id=run_id).only(*NAMES).iterator():
        mask_row(iteration, {name: getattr(iteration, name) for name in NAMES}, secrets)
    for line in LogEntry.objects.filter(run_id=run_id).only("message").iterator():
        mask_row(line, {"message": line.message}, secrets)
    for checkpoint in Checkpoint.objects.filter(run_id=run_id, sealed=None).iterator():
        if secrets.stand_in(checkpoint.plain):
            checkpoint.seal()
            checkpoint.save(update_fields=["plain", "sealed"])
            secrets.are_sealed = True
    hide_inputs(Run.objects.only("inputs", "secret_inputs").get(pk=run_id), secrets, ended=ends)


def mask_row(row: ActionRun | Iteration | LogEntry, shown: dict[str, Any], secrets: KnownSecrets) -> None:
    masked = secrets.mask(shown)
    if masked is not shown:
        for name, value in masked.items():
            setattr(row, name, value)
        row.save(update_fields=list(masked))


def hide_inputs(run: Run, secrets: KnownSecrets, *, ended: bool) -> None:
    """Masks inputs; whoever goes on with the run finds them in encrypted storage."""
    masked = secrets.mask(run.inputs)
    if masked is run.inputs:
        return
    hidden = {name: value for name, value in run.inputs.items() if masked[name] != value}
    run.inputs, fields = masked, ["inputs"]
    if not ended:
        run.secret_inputs = Secret(json.dumps({**hidden, **run.hidden_values()}))
        fields.append("secret_inputs")
    run.save(update_fields=fields)
