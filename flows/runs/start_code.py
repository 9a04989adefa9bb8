"""The call of the API that starts a run like this one: a command of a shell, and Python. No secret stands in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET

from connections.secret import MASK
from flows.access import find_run
from flows.api.examples import KEY, EnvironmentValue, FilePath, environment_name, environment_values, example_of_run
from flows.language.files import is_file
from foundryflow.access import reader
from foundryflow.http import Request, base_address
from foundryflow.regions import page


@reader
@require_GET
def code(request: Request, pk: int) -> HttpResponse:
    """A page with the programs; ?as=curl or ?as=python gives one of them as text."""
    run = find_run(request, pk)
    if not run.flow.is_in_designer:
        raise Http404("Only flows of the designer are called by the API.")
    inputs = {name: example_value(value, name) for name, value in run.inputs.items()}
    is_draft, customer = run.published is False, run.customer or ""
    example = example_of_run(base_address(request), run.flow.slug, inputs, customer, draft=is_draft)
    programs = {"curl": example.curl, "python": example.python}
    if (language := request.GET.get("as")) is None:
        files = [value for value in inputs.values() if isinstance(value, FilePath)]
        names = [KEY, *environment_values(inputs)]
        context = {"run": run, "programs": programs.items(), "names": names, "files": files}
        return page(request, "runs/code.html", context)
    return program_response(programs, language)


def program_response(programs: Mapping[str, str], language: str) -> HttpResponse:
    """One of them as text. Raises Http404."""
    if language not in programs:
        raise Http404(f"There is no program in {language}.")
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(programs[language], content_type="text/plain; charset=utf-8", headers=headers)


def example_value(value: Any, name: str) -> Any:
    """An input as an example gives it: a file by its name."""
    return FilePath(value["name"]) if is_file(value) else without_secrets(value, name)


def without_secrets(value: Any, name: str) -> Any:
    """With the names of environment variables in the place of what was masked."""
    match value:
        case str() if MASK in value:
            return EnvironmentValue(environment_name(name))
        case dict():
            return {key: without_secrets(inner, f"{name} {key}") for key, inner in value.items()}
        case list():
            return [without_secrets(inner, f"{name} {at + 1}") for at, inner in enumerate(value)]
    return value
