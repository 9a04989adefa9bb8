"""What *Insert variable* and the completion of the big editor offer at one action, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.http import Http404, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from flows.designer.open_flow import OpenFlow
from flows.language.document import Document
from flows.language.filter_words import FILTER_WORDS
from flows.language.scope import VariableInScope
from flows.lint.offered_values import OfferedValue, ValueGroup, offered_values
from flows.lint.visible import variables_at, variables_inside
from foundryflow.access import editor
from foundryflow.http import Request

FILTERS = [asdict(words) for words in FILTER_WORDS]


@editor
@require_GET
def list_values(request: Request, slug: str, action_id: str) -> HttpResponse:
    """The values in scope in front of the action, and in `body` what the body of a loop adds to them.

    `only` is the name of a variable to be listed by itself, with all of its paths.
    """
    opened = OpenFlow.find(request, slug)
    if opened.document.find(action_id) is None:
        raise Http404(f"There is no action {action_id}.")
    shown, only = opened.shown_run, request.GET.get("only", "")
    last = {**defaults_of(opened.document), **shown.values_before(action_id)} if shown else {}
    here = variables_at(opened.document, action_id)
    body = variables_inside(opened.document, action_id)
    return JsonResponse(
        {
            "run": shown.run.pk if shown else None,
            "body": groups_of(body, last, only),
            "groups": groups_of(here, last, only),
            "filters": [] if only else FILTERS,
        }
    )


def defaults_of(document: Document) -> dict[str, Any]:
    """The values of inputs that a run was not given."""
    return {each.name: each.default for each in document.inputs if each.default is not None and each.type != "secret"}


def groups_of(variables: Sequence[VariableInScope], last: Mapping[str, Any], only: str) -> list[dict[str, Any]]:
    return [group_json(group) for group in offered_values(variables, last, only)]


def group_json(group: ValueGroup) -> dict[str, Any]:
    values = [value_json(value) for value in group.values]
    return {"origin": group.origin, "unset": group.may_be_unset, "values": values}


def value_json(value: OfferedValue) -> dict[str, Any]:
    """Without what is empty: there may be thousands."""
    found = {
        "path": value.path,
        "name": value.name,
        "type": value.type,
        "last": value.last,
        "unset": value.may_be_unset,
        "parts": [value_json(part) for part in value.parts],
        "more": value.has_more,
    }
    return {key: each for key, each in found.items() if each}
