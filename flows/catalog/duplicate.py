"""Another flow like this one."""

from __future__ import annotations

import json
from collections.abc import Collection

from django.contrib.auth.models import User
from django.db import transaction

from flows.language.document import Document, parse
from flows.models import Flow, FlowSecret

LONGEST_NAME = 200


@transaction.atomic
def duplicate_flow(flow: Flow, *, by: User | None, called: str = "") -> Flow:
    """With the current document and the secrets it holds, under a name of its own, or the one that is given.

    Raises DocumentError."""
    document = parse(flow.current.document)
    taken = set(Flow.objects.in_designer().values_list("name", flat=True))
    named = Document({**document.json, "name": called or free_name(document.name, taken)})
    copy = Flow.objects.create_flow(named, by=by, note=f"copy of {flow.name}"[:LONGEST_NAME])
    stored = json.dumps(copy.current.document)
    FlowSecret.objects.bulk_create(
        [
            FlowSecret(flow=copy, key=secret.key, value=secret.value)
            for secret in flow.secrets.all()
            if json.dumps({"secret": secret.key}) in stored
        ]
    )
    return copy


def free_name(name: str, taken: Collection[str]) -> str:
    """The name with "copy" behind it, and a number where there is one."""
    numbers = range(1, len(taken) + 2)
    endings = (" copy" if number == 1 else f" copy {number}" for number in numbers)
    return next(free for ending in endings if (free := name[: LONGEST_NAME - len(ending)] + ending) not in taken)
