"""Starts runs for the API: many requests at once cost a few queries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from flows import engine
from flows.api.files import may_hold_files, read_inputs
from flows.api.key_limits import or_not_for
from flows.api.problems import ApiProblem
from flows.engine import configuration
from flows.interpreter.inputs import check_files, first_scope
from flows.language.document import Document, DocumentError
from flows.language.errors import ActionError
from flows.language.files import GivenFile
from flows.models import Flow, Revision, Run
from flows.models.audit import of_flow, run_subject
from foundryflow.audit.record import SERVER, Origin, Repeats, record
from foundryflow.models import ApiKey

MINUTE = timedelta(minutes=1)


class NoFlow(ApiProblem):
    """There is no such flow, or none for this key."""

    def __init__(self, slug: str, key: ApiKey) -> None:
        super().__init__(404, f"There is no flow {slug}{or_not_for(key)}.")


DRAFT: Final = "draft"
PUBLISHED: Final = "published"
SALT = "flows.api.starting"  # of the digests that are stored with runs: another one would disown them


@dataclass(frozen=True)
class StartRequest:
    """A run that somebody asks for. `once` is what keeps an equal request from starting another one."""

    slug: str
    inputs: Mapping[str, Any]
    priority: int
    key: ApiKey
    once: Mapping[str, Any] = field(default_factory=dict)
    anyway: bool = False  # in spite of configuration errors
    draft: bool = False  # and not the published revision
    customer: str = ""
    origin: Origin = SERVER  # who asks, for the audit log


async def start_run(request: StartRequest, idempotency: str | None) -> Run:
    """The run that was started, or the one that an equal request has started before. Raises ApiProblem."""
    if idempotency is not None:
        stored = f"{request.key.pk}:{hashlib.sha256(idempotency.encode()).hexdigest()}"
        once = {"idempotency_key": stored, "request_digest": request_digest(request)}
        request = replace(request, once=once)
    # Texts that begin like an address are frequent: what flows take is looked up for all that come at the same time.
    names = await engine.run_shared_job(file_inputs, request) if may_hold_files(request.inputs) else []
    started = await start_with_files(request, names) if names else await engine.run_shared_job(start_all, request)
    if isinstance(started, ApiProblem):
        raise started
    return started


async def start_with_files(request: StartRequest, names: Sequence[str]) -> Run | ApiProblem:
    """Fetches nothing for a request that has started its run before. Raises ApiProblem."""
    if known := await engine.run_job(lambda: earlier_start(request)):
        return known
    read = replace(request, inputs=await read_inputs(request.inputs, names))
    (started,) = await engine.run_job(lambda: start_all([read]))  # files make a transaction long: it is nobody else's
    return started


def file_inputs(requests: Sequence[StartRequest]) -> list[list[str]]:
    """Names of the inputs that are files, of each; none where the flow is not there for the key, or cannot be read."""
    flows = Flow.objects.by_slug({each.slug for each in requests})
    revisions = [revision_of(flows.get(each.slug), each) for each in requests]
    return [
        files_of(revision) if revision and each.key.allows_flow(revision.flow_id) else []
        for each, revision in zip(requests, revisions, strict=True)
    ]


def files_of(revision: Revision) -> list[str]:
    try:
        return [declared.name for declared in revision.parsed().inputs if declared.type == "file"]
    except DocumentError:
        return []


def start_all(requests: Sequence[StartRequest]) -> list[Run | ApiProblem]:
    """The runs, or why not: an error would undo what shares the transaction."""
    flows = Flow.objects.by_slug({each.slug for each in requests})
    revisions = {(each.slug, each.draft): revision_of(flows.get(each.slug), each) for each in requests}
    ready = {key: configuration_problem(revision) for key, revision in revisions.items() if revision}
    made = [build_run(each, revisions[each.slug, each.draft], ready.get((each.slug, each.draft))) for each in requests]
    fresh = [run for run in made if isinstance(run, Run) and run.idempotency_key is None]
    engine.store_and_submit(fresh)
    started = [start_once(run) if isinstance(run, Run) and run.idempotency_key else run for run in made]
    # An equal request got the run that was started before.
    record_starts([(run, each.origin) for run, new, each in zip(started, made, requests, strict=True) if run is new])
    return started


def record_starts(started: Sequence[tuple[Run | ApiProblem, Origin]]) -> None:
    """One entry a minute for a key and a flow, however many runs: two statements, in the transaction of the runs."""
    groups: dict[tuple[Origin, int], list[Run]] = {}
    for run, origin in started:
        if isinstance(run, Run):
            groups.setdefault((origin, run.flow_id), []).append(run)
    for (origin, flow), runs in groups.items():
        repeats = Repeats(MINUTE, counted="more", times=len(runs), apart=str(flow))
        record(origin, "started", run_subject(runs[0]), of_flow(runs[0].flow), repeats=repeats)


def revision_of(flow: Flow | None, request: StartRequest) -> Revision | None:
    """The one that is to be run; None where there is no such flow."""
    if flow is None:
        return None
    return flow.current if request.draft else flow.called_revision


def configuration_problem(revision: Revision) -> ApiProblem | None:
    try:
        check_configuration(revision, revision.flow)
    except ApiProblem as problem:
        return problem
    return None


def check_configuration(revision: Revision, flow: Flow) -> None:
    """Raises ApiProblem with the list of errors."""
    document = parse_revision(revision)
    revision.flow = flow
    if errors := configuration.errors_before_run(revision):
        raise ApiProblem(
            422,
            "The flow has configuration errors. Correct them, or say `anyway`.",
            kind="configuration",
            errors=[each.to_json() for each in configuration.locate_problems(errors, document, flow)],
        )


def build_run(request: StartRequest, revision: Revision | None, problem: ApiProblem | None) -> Run | ApiProblem:
    """A run that is not stored yet, or one that an equal request has started before."""
    if revision is None or not request.key.allows_flow(revision.flow_id):
        return NoFlow(request.slug, request.key)
    if problem is not None and not request.anyway:
        return earlier_start(request) or problem
    try:
        document = parse_revision(revision)
        check_files(document, request.inputs)
        first_scope(document, request.inputs)
    except ActionError as error:
        return ApiProblem(422, f"{error.message} {error.hint}".strip(), kind=error.kind)
    except ApiProblem as problem:
        return problem
    return Run.objects.build(
        flow=revision.flow,
        revision=revision,
        inputs=request.inputs,
        by=None,
        via="api",
        priority=request.priority,
        customer=request.customer,
        **request.once,
    )


def parse_revision(revision: Revision) -> Document:
    try:
        return revision.parsed()
    except DocumentError as broken:
        raise ApiProblem(422, "The flow cannot be read.", errors=broken.problems[:20]) from None


def start_once(run: Run) -> Run | ApiProblem:
    """The run, or the one that its idempotency key has started before."""
    try:
        if known := same_request(run):
            return known
        with transaction.atomic():
            run.save(force_insert=True)
            engine.submit(run)
    except IntegrityError:
        return same_request(run) or ApiProblem(409, "This Idempotency-Key is in use.")
    except ApiProblem as problem:
        return problem
    return run


def earlier_start(request: StartRequest) -> Run | ApiProblem | None:
    """By an equal request, when the flow had no errors yet."""
    try:
        return same_request(Run(**request.once)) if request.once else None
    except ApiProblem as problem:
        return problem


def request_digest(request: StartRequest) -> str:
    said = [request.slug, request.inputs, "anyway"] if request.anyway else [request.slug, request.inputs]
    if request.draft:
        said.append({"revision": DRAFT})
    if request.customer:
        said.append({"customer": request.customer})
    # Keyed: it stays with the run, and a secret input could be guessed from a plain one.
    return salted_hmac(SALT, json.dumps(said, sort_keys=True, default=reference_of), algorithm="sha256").hexdigest()


def reference_of(file: GivenFile) -> dict[str, Any]:
    return file.reference


def same_request(run: Run) -> Run | None:
    known = Run.objects.filter(idempotency_key=run.idempotency_key).first()
    if known is not None and known.request_digest != run.request_digest:
        raise ApiProblem(409, "This Idempotency-Key came with another request before.", run=known.pk)
    return known
