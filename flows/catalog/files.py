"""Flows as files: import adds a flow or a revision, export is the document and nothing else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from flows.actions.registry import properties_of_type
from flows.language.document import Document, DocumentError, parse
from flows.lint.literal_secrets import SecretPlace, change_secrets, literal_of, refusal_of, refusals
from flows.models import Flow
from foundryflow.json_order import in_order
from foundryflow.strict_json import JsonError, storable_json

# What comes first in an exported document, and in each of its parts; the rest follows by the alphabet.
FIRST_NAMES = (
    "format", "name", "inputs", "id", "type", "title", "description", "disabled", "required", "default", "condition",
    "properties", "branches", "actions",
)  # fmt: skip
LARGEST_FILE = 5 * 1024 * 1024


def parse_json(text: str | bytes) -> Any:
    """JSON of a flow file. Raises DocumentError with the line when it is none."""
    if len(text) > LARGEST_FILE:
        raise DocumentError(["The file is larger than 5 MB. A flow is a few kilobytes; is it the right file?"])
    try:
        return storable_json(text)
    except JsonError as error:
        if error.line is None:
            raise DocumentError([f"The file {error.what}. Choose a flow exported as JSON."]) from None
        raise DocumentError([f"Line {error.line}: {error.what}. Export the flow again, or mend this line."]) from None


def without_secrets_in_addresses(document: Document) -> Document:
    """The document, unless a literal endpoint in it holds a key, which everybody who reads the flow would see. Raises
    DocumentError."""
    found = []
    for action in (located.action for located in document.walk()):
        for name, property in properties_of_type(action.type).items():
            if why := property.refuse(action.properties.get(name)):
                found.append(f"{action.id}, {property.label}: {why}")
    if found:
        raise DocumentError(found)
    return document


def import_flow(text: str | bytes, *, by: User | None) -> tuple[Flow, bool]:
    """The flow that the file describes: a new one, or a new revision of the one with that name (then False)."""
    document = without_secrets_in_addresses(parse(parse_json(text)))
    if mixed := refusals(document, Flow.objects.secret_inputs):
        raise DocumentError([f"{place.action_id or 'Start'}: {sentence}" for place, sentence in mixed[:20]])
    with transaction.atomic():
        flow = Flow.objects.in_designer().filter(name=document.name).order_by("pk").first()
        fresh = flow is None
        if flow is None:
            flow = Flow.objects.create_flow(document, by=by, note="imported")
        else:
            flow.commit(document, by=by, base=flow.current.number, note="imported")
    return flow, fresh


def export_text(document: dict[str, Any]) -> str:
    """The text of a file. What is secret in a document and not stored apart, which older ones may hold, is left out."""
    with suppress(DocumentError):  # a broken one is kept as it is, to be mended
        document = change_secrets(parse(document), leave_out_secret, Flow.objects.secret_inputs).to_json()
    return json.dumps(in_order(document, FIRST_NAMES), indent=2, ensure_ascii=False) + "\n"


def leave_out_secret(place: SecretPlace, value: Any) -> Any:
    readable = literal_of(place, value) is not None or refusal_of(place, value)
    return {"secret": "left-out"} if readable else value
