"""Flows as files, JSON or YAML: import adds a flow or a revision, export is the document and nothing else."""

from __future__ import annotations

import json
from contextlib import suppress
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from flows.actions.registry import properties_of_type
from flows.language.document import Document, DocumentError, parse
from flows.language.stored_secrets import is_stored
from flows.lint.literal_secrets import SecretPlace, change_secrets, refusals, secrets_of, without_literals
from flows.models import Flow
from foundryflow.json_order import in_order
from foundryflow.strict_json import JsonError, storable_json
from foundryflow.strict_yaml import read_yaml, write_yaml

# What comes first in an exported document, and in each of its parts; the rest follows by the alphabet.
FIRST_NAMES = (
    "format", "name", "inputs", "id", "type", "title", "description", "note", "disabled", "required", "default",
    "condition", "properties", "branches", "actions",
)  # fmt: skip
LARGEST_FILE = 5 * 1024 * 1024
SPACE = " \t\r\n\ufeff"
# The same in any encoding that JSON comes in.
SPACE_BYTES = b" \t\r\n\xef\xbb\xbf\xff\xfe\x00"


class FlowFormat(StrEnum):
    """What a flow is written as. The value is the ending of the file, too."""

    JSON = "json"
    YAML = "yaml"

    @property
    def content_type(self) -> str:
        return f"application/{self}"


class ImportOutcome(StrEnum):
    CREATED = "created"
    REVISED = "revised"
    UNCHANGED = "unchanged"


def parse_file(text: str | bytes) -> Any:
    """What a flow file holds. Raises DocumentError with the line when it is neither JSON nor YAML."""
    if len(text) > LARGEST_FILE:
        raise DocumentError(["The file is larger than 5 MB. A flow is a few kilobytes; is it the right file?"])
    try:
        return storable_json(text) if is_json(text) else read_yaml(text, LARGEST_FILE)
    except JsonError as error:
        if error.line is None:
            raise DocumentError([f"The file {error.what}. Choose a flow exported as JSON or YAML."]) from None
        raise DocumentError([f"Line {error.line}: {error.what}. Export the flow again, or mend this line."]) from None


def is_json(text: str | bytes) -> bool:
    """By how it begins: no YAML of ours does so."""
    if isinstance(text, bytes):
        return text.lstrip(SPACE_BYTES)[:1] in (b"{", b"[")
    return text.lstrip(SPACE)[:1] in ("{", "[")


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


def import_flow(text: str | bytes, *, by: User | None, slug: str = "") -> tuple[Flow, ImportOutcome]:
    """The flow that the file describes, and what became of it.

    It is a new one, or a new revision of the one with that name; with a `slug` of the one that has it, unless that
    says the same already. Raises DocumentError.
    """
    document = without_secrets_in_addresses(parse(parse_file(text)))
    if mixed := refusals(document, Flow.objects.secret_inputs):
        raise DocumentError([f"{place.action_id or 'Start'}: {sentence}" for place, sentence in mixed[:20]])
    lookup = {"slug": slug} if slug else {"name": document.name}
    with transaction.atomic():
        flow = Flow.objects.in_designer().select_related("head").filter(**lookup).order_by("pk").first()
        if flow is None:
            return Flow.objects.create_flow(document, by=by, note="Imported", slug=slug), ImportOutcome.CREATED
        document = keep_filled_in(document, flow)
        if slug and canonical_text(document.json) == canonical_text(flow.current.document):
            return flow, ImportOutcome.UNCHANGED
        flow.commit(document, by=by, base=flow.current.number, note="Imported")
    return flow, ImportOutcome.REVISED


def keep_filled_in(document: Document, flow: Flow) -> Document:
    """With the secrets that are filled in here where the file says no more than that there is one: what it calls them
    means something only where it comes from."""
    try:
        current = parse(flow.current.document)
    except DocumentError:
        return document
    keys = set(flow.secrets.values_list("key", flat=True))
    here = {
        place: value
        for place, value in secrets_of(current, Flow.objects.secret_inputs)
        if is_stored(value) and value["secret"] in keys
    }

    def with_stored(place: SecretPlace, value: Any) -> Any:
        return here.get(place, value) if is_stored(value) and value["secret"] not in keys else value

    return change_secrets(document, with_stored, Flow.objects.secret_inputs)


def canonical_text(document: Any) -> str:
    """Equal for equal JSON, whatever the order of names; true is not 1."""
    return json.dumps(document, sort_keys=True)


def export_text(document: dict[str, Any], format: FlowFormat = FlowFormat.JSON) -> str:
    """The text of a file. What is secret in a document and not stored apart, which older ones may hold, is left out."""
    with suppress(DocumentError):  # a broken one is kept as it is, to be mended
        document = without_literals(parse(document), Flow.objects.secret_inputs).to_json()
    ordered = in_order(document, FIRST_NAMES)
    if format == FlowFormat.YAML:
        return write_yaml(ordered)
    return json.dumps(ordered, indent=2, ensure_ascii=False) + "\n"
