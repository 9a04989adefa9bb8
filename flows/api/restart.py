"""Starts runs for the API that go on from an action of another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flows import engine
from flows.api.files import may_hold_files, read_inputs
from flows.api.problems import ApiProblem
from flows.api.start import DRAFT, check_configuration, files_of, parse_revision
from flows.interpreter.inputs import check_files, first_scope
from flows.language.document import Document
from flows.language.errors import ActionError
from flows.language.files import holds_file
from flows.models import Revision, Run
from flows.models.audit import of_flow, run_subject
from foundryflow.audit.record import Origin, record


@dataclass(frozen=True)
class RestartRequest:
    """Another run that somebody asks for. `revision` names the published one or the draft; empty: that of the first."""

    run: int
    path: str
    inputs: Mapping[str, Any]
    revision: str
    anyway: bool  # in spite of configuration errors
    origin: Origin  # who asks, for the audit log

    def find_run(self) -> Run | None:
        return Run.objects.select_related("flow__head", "flow__published", "revision").filter(pk=self.run).first()

    def revision_of(self, run: Run) -> Revision:
        if not self.revision:
            return run.revision
        return run.flow.current if self.revision == DRAFT else run.flow.called_revision


async def restart_run(request: RestartRequest) -> Run:
    """Raises ApiProblem."""
    if may_hold_files(request.inputs):
        names = await engine.run_job(lambda: file_inputs_of(request))
        request = replace(request, inputs=await read_inputs(request.inputs, names))
    made = await engine.run_job(lambda: store_restart(request))
    if isinstance(made, ApiProblem):
        raise made
    return made


def file_inputs_of(request: RestartRequest) -> list[str]:
    run = request.find_run()
    return files_of(request.revision_of(run)) if run and run.ended else []


def store_restart(request: RestartRequest) -> Run | ApiProblem:
    """The run, or why not: an error would undo what shares the transaction."""
    run, path, inputs = request.find_run(), request.path, request.inputs
    if run is None:
        return ApiProblem(404, f"There is no run {request.run}.")
    if not run.ended:
        return ApiProblem(409, f"Run {run.pk} has not ended.")
    if path and not run.actions.filter(path=path).exists():
        return ApiProblem(422, f"Run {run.pk} has no action at {path}.")
    try:
        revision = request.revision_of(run)
        document = parse_revision(revision)
        if not request.anyway:
            check_configuration(revision, run.flow)
        check_files(document, inputs)
        check_files_are_given_again(document, run, inputs)
        first_scope(document, {**run.inputs_without_masks(), **inputs})
        made = Run.objects.start_again(run, by=None, via="api", path=path, inputs=inputs, revision=revision)
        engine.submit(made)
        record(request.origin, "retried as", run_subject(made), f"{of_flow(run.flow)}, from run {run.pk}")
    except ActionError as error:
        return ApiProblem(422, f"{error.message} {error.hint}".strip(), kind=error.kind)
    except ApiProblem as problem:
        return problem
    return made


def check_files_are_given_again(document: Document, run: Run, inputs: Mapping[str, Any]) -> None:
    """Raises ActionError."""
    for declared in document.inputs:
        if declared.name not in inputs and holds_file(run.inputs.get(declared.name)):
            raise ActionError(
                "input",
                f"Run {run.pk} had a file as {declared.name}; files are kept until a run ends only.",
                "Give it again." if declared.required else "Give it again, or null to go without.",
            )
