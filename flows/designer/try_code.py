"""Tries the code in a panel with values that are typed beside it, within the limits of the panel: no run is made, and
what was typed is offered to the same person the next time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from flows.access import find_flow
from flows.actions import registry
from flows.designer.code_fields import TRIAL, clean_argument
from flows.designer.property_form import PropertyForm
from flows.language.errors import ActionError
from flows.language.python_failures import FunctionLimits
from flows.language.python_sandbox import FunctionJob, FunctionOutcome, sandbox
from flows.language.python_source import LONGEST_CODE, CodeError, read_source
from flows.models import LastInputs
from flows.properties.base import text_of
from flows.properties.code import CodeProperty
from foundryflow.access import editor
from foundryflow.http import Request, form_data
from foundryflow.regions import Region, page, regions

LONGEST_SHOWN = 20_000  # characters of a result


@dataclass(frozen=True)
class CodeTrial:
    """What came of it, as the panel shows it."""

    outcome: FunctionOutcome | None = None
    problem: str = ""
    hint: str = ""
    raw: str = ""  # where the exception came through
    printed: str = ""

    @property
    def value(self) -> str:
        """The result as JSON."""
        if self.outcome is None:
            return ""
        text = json.dumps(self.outcome.value, ensure_ascii=False, indent=2)
        return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}\n… of {len(text):,} characters"

    @property
    def duration(self) -> str:
        return f"{self.outcome.seconds:.3f} s" if self.outcome else ""


@editor
@require_POST
def try_code(request: Request, slug: str, action_id: str) -> HttpResponse:
    """The result of a call of the posted code, in the panel; without htmx on a page of its own."""
    flow = find_flow(request, slug)
    action = flow.current.parsed().find(action_id)
    declared = registry.properties_of_type(action.type) if action else {}
    found = next(((name, each) for name, each in declared.items() if isinstance(each, CodeProperty)), None)
    if action is None or found is None:
        trial = CodeTrial(problem="There is no code to try: the action is not in the flow any more, or has none.")
    else:
        name, property = found
        stored = {each: text_of(action.properties.get(each)) for each in (name, *property.limits)}
        shown = {**stored, **{key: str(text) for key, text in form_data(request).items()}}
        form = PropertyForm({each: declared[each] for each in property.limits}, shown, stored=action.properties)
        trial = call_posted_code(shown[name][: LONGEST_CODE + 1], shown, form)
        typed = {key.removeprefix(TRIAL): text for key, text in shown.items() if key.startswith(TRIAL)}
        LastInputs.objects.keep_trial(flow, request.user, action_id, typed)
    context = {"trial": trial}
    if request.htmx:
        return regions(request, Region("properties/_trial.html", "trial", context))
    title = (action.title if action else "") or action_id
    return page(request, "designer/trial.html", {"flow": flow, "title": title, "action_id": action_id, **context})


def limits_in(form: PropertyForm) -> FunctionLimits:
    """A limit that is empty, or that a template gives, is the usual one. Raises ValidationError."""
    for name, errors in form.errors.items():
        raise ValidationError(f"{form.declared[name].label}: {errors[0]}")
    given = [(form.cleaned_data[name], property.default) for name, property in form.declared.items()]
    return FunctionLimits.of(*(value if isinstance(value, int | float) else usual for value, usual in given))


def call_posted_code(code: str, posted: Mapping[str, str], limits: PropertyForm) -> CodeTrial:
    """Calls the function with the values that were posted for its parameters."""
    try:
        within = limits_in(limits)
        source = read_source(code)
        typed = {each: posted.get(f"{TRIAL}{each.name}", "") for each in source.parameters}
        given = {each.name: clean_argument(each.name, text, each.type) for each, text in typed.items() if text}
    except (CodeError, ValidationError) as error:
        return CodeTrial(problem=error.messages[0] if isinstance(error, ValidationError) else str(error))
    # A text may be meant to be empty; of any other type that is no value.
    empty = {
        each.name: "" for each, text in typed.items() if not text and each.required and each.type in ("text", "any")
    }
    job = FunctionJob(code, {**given, **empty}, within)
    try:
        outcome = sandbox.submit(job).result()
    except ActionError as error:
        return CodeTrial(problem=error.message, hint=error.hint, raw=error.raw, printed=job.printed)
    return CodeTrial(outcome, printed=outcome.printed)
