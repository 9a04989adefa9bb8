"""The HTTP API: the same verbs as the pages, as JSON. Version 0: it may still change."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils import timezone
from ninja import Query
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import Field

from connections.audit import record_test
from connections.clients import check_sign_in, foundry_client
from connections.fields import KeyUnreadable
from connections.foundry.diagnosis import TestResult
from connections.kinds.address import AddressError
from connections.kinds.base import SignInCheck
from connections.models import Connection
from flows import engine
from flows.api import problems, serialize
from flows.api.events import stream_events
from flows.api.key_limits import connection_of, designer_flows_of, flows_of, or_not_for, runs_of
from flows.api.key_refusals import NOT_NAMED, OTHER_FLOW, note_refusal
from flows.api.keys import KeyAuth, key_end
from flows.api.multipart import UnfitBody
from flows.api.openapi import STREAM, BoundedParser, DescribedAPI, responses
from flows.api.problems import ApiProblem
from flows.api.restart import RestartRequest, restart_run
from flows.api.shapes import (
    NO_KEY,
    Accepted,
    ConnectionCheck,
    ConnectionName,
    CustomerFilter,
    EventNumber,
    FlowList,
    FlowSlug,
    IdempotencyKey,
    Inputs,
    LastEvent,
    RequestBody,
    RunDetail,
    RunId,
    RunList,
    Seconds,
    SlugFilter,
    StateFilter,
    Text,
    UsageQuestion,
    UsageReport,
    WhichRevision,
)
from flows.api.start import DRAFT, PUBLISHED, NoFlow, StartRequest, start_run
from flows.models import Run
from flows.models.audit import of_flow, run_subject
from flows.models.run import LONGEST_CUSTOMER
from flows.models.run_filters import STATES, Filters
from flows.models.search import Cursor, Search
from flows.models.usage_search import UsageFilters, UsagePeriod
from foundryflow.audit.record import Origin, origin_of_key, record
from foundryflow.database.absence_log import note_away
from foundryflow.database.errors import MAY_BE_AWAY, is_away, is_damaged, sentence_for_visitors
from foundryflow.database.threads import in_thread
from foundryflow.models import ApiKey, ApiScope
from foundryflow.streams import event_stream

log = logging.getLogger(__name__)
V = TypeVar("V", bound=Callable[..., Any])  # a view

LONGEST_WAIT = 300.0  # seconds
FILES = "A file is a data URI or an https address, or a part of `multipart/form-data`."
SUBMITTED = 0  # priority of a run that nobody waits for

api = DescribedAPI(
    parser=BoundedParser(),
    title="FoundryFlow",
    version="0",
    description="Runs flows and tells what became of them. Every call carries `Authorization: Bearer ffk_…`; "
    "Keys are made under API keys, or with `manage.py apikey create`: each has scopes, an expiry and, where wanted, "
    "flows that it is limited to. "
    "Errors are `application/problem+json`.",
    docs_url=None,
    openapi_url=None,
)
runs, reads, uses, tests = (KeyAuth(scope) for scope in ApiScope)


def starts(verb: str, summary: str, *, openapi_extra: dict[str, Any] | None = None, **good: Any) -> Callable[[V], V]:
    """A call that starts a run of a flow; `good` is what it answers when it did."""
    return api.post(
        f"/flows/{{slug:slug}}/{verb}",
        auth=runs,
        tags=["flows"],
        summary=summary,
        response=responses(404, 409, **good),
        openapi_extra=openapi_extra,
    )


def changes(verb: str, summary: str) -> Callable[[V], V]:
    """A call about a run that there is; its answer is where to look."""
    found = responses(404, 409, accepted=Accepted)
    return api.post(f"/runs/{{id:run_id}}/{verb}", auth=runs, tags=["runs"], summary=summary, response=found)


class Start(RequestBody):
    """What a run is started with."""

    inputs: Inputs = Field(default_factory=dict, description=f"By the names of the inputs of the flow. {FILES}")
    anyway: bool = Field(False, description="Start although the flow has configuration errors.")
    customer: Text = Field("", max_length=LONGEST_CUSTOMER, description="A label, for whom: usage is counted by it.")


class Again(RequestBody):
    """Where another run begins."""

    path: Text = Field("", max_length=500, description="Of the action it begins at; where the run failed when empty.")
    inputs: Inputs = Field(default_factory=dict, description=f"Those that differ, secret ones and files. {FILES}")
    newest: bool = Field(False, description="With the published revision as it is now, or with `revision` draft.")
    anyway: bool = Field(False, description="Start although the flow has configuration errors.")


class Deployment(RequestBody):
    model: Text = Field("", max_length=200, description="Deployment; the default one of the connection when empty.")


@api.get("/flows", auth=reads, summary="Every flow", response=responses(ok=FlowList), tags=["flows"])
async def list_flows(request: HttpRequest) -> HttpResponse:
    found = designer_flows_of(caller(request)).select_related("head", "published")
    return JsonResponse({"flows": await engine.run_job(lambda: serialize.serialize_flows(found))})


@starts("run", "Run a flow and wait for its end", ok=RunDetail, accepted=Accepted)
async def run_flow(
    request: HttpRequest,
    slug: FlowSlug,
    given: Start,
    timeout: Seconds = LONGEST_WAIT,  # noqa: ASYNC109 - the name of a query parameter
    revision: WhichRevision = PUBLISHED,
    idempotency_key: IdempotencyKey = NO_KEY,
) -> HttpResponse:
    """Answers with the run once it has ended; after `timeout` seconds (at most 300) with 202, and it goes on. Files are
    parts of a body of `multipart/form-data`, or in JSON a data URI or an https address each."""
    run = await start_with_key(request, slug, given, idempotency_key, engine.URGENT, revision)
    if not await engine.wait_for_end(run.pk, max(0.0, min(timeout, LONGEST_WAIT))):
        return accepted_response(run)
    try:
        found = await engine.run_shared_job(serialize.read_runs, serialize.RunQuery(run.pk))
    except MAY_BE_AWAY as error:
        if not is_away(error):
            raise
        return accepted_response(run)  # it was started: where to look is all that can be said
    # Its process may have stopped and left it to another one.
    return JsonResponse(found) if found and found["ended_at"] else accepted_response(run)


@starts("submit", "Put a run into the queue", accepted=Accepted)
async def submit_flow(
    request: HttpRequest,
    slug: FlowSlug,
    given: Start,
    revision: WhichRevision = PUBLISHED,
    idempotency_key: IdempotencyKey = NO_KEY,
) -> HttpResponse:
    """Answers at once with 202 and where to look."""
    return accepted_response(await start_with_key(request, slug, given, idempotency_key, SUBMITTED, revision))


@starts("stream", "Run a flow and follow it", openapi_extra=STREAM, ok=None)
async def stream_flow(
    request: HttpRequest,
    slug: FlowSlug,
    given: Start,
    revision: WhichRevision = PUBLISHED,
    idempotency_key: IdempotencyKey = NO_KEY,
) -> StreamingHttpResponse:
    """Server-sent events: run, action, text, log, end."""
    run = await start_with_key(request, slug, given, idempotency_key, engine.URGENT, revision)
    return event_stream(stream_events(run.pk, 0), lambda: key_end(request, ApiScope.RUN, run.flow_id))


@api.get("/runs", auth=reads, summary="Runs, the newest first", response=responses(ok=RunList), tags=["runs"])
async def list_runs(
    request: HttpRequest,
    flow: SlugFilter = "",
    state: StateFilter = "",
    customer: CustomerFilter = "",
    before: EventNumber = 0,
) -> HttpResponse:
    """Fifty at a time; `before` is the id of the last one seen."""
    filters = Filters(flow=flow, states=(state,) if state else STATES, customer=customer)
    seen = flows_of(caller(request))

    def page() -> list[dict[str, Any]]:
        listed = Run.objects.annotate(flow_slug=F("flow__slug"), revision_number=F("revision__number"))
        begin = Cursor.at_number(before) if before else None
        if before and begin is None:
            return []
        return [serialize.serialize_run_entry(run) for run in Search(seen, filters, listed).page(before=begin).runs]

    return JsonResponse({"runs": await engine.run_job(page)})


@api.get("/runs/{id:run_id}", auth=reads, summary="One run", response=responses(404, ok=RunDetail), tags=["runs"])
async def show_run(request: HttpRequest, run_id: RunId, after: EventNumber = 0) -> HttpResponse:
    """With its actions, and the lines of its log behind the cursor `after`."""
    found = await engine.run_shared_job(serialize.read_runs, serialize.RunQuery(run_id, after, caller(request)))
    if found is None:
        raise no_run(request, run_id)
    return JsonResponse(found)


@api.get(
    "/runs/{id:run_id}/events",
    auth=reads,
    summary="Follow a run",
    response=responses(404, ok=None),
    openapi_extra=STREAM,
    tags=["runs"],
)
async def follow_run(request: HttpRequest, run_id: RunId, last_event_id: LastEvent = 0) -> StreamingHttpResponse:
    """Server-sent events. `Last-Event-ID` goes on behind an event that was seen."""
    run = await visible_run(request, run_id)
    return event_stream(stream_events(run_id, last_event_id), lambda: key_end(request, ApiScope.READ, run.flow_id))


@changes("cancel", "Stop a run")
async def cancel_run(request: HttpRequest, run_id: RunId) -> HttpResponse:
    """Asked a second time, ends it without waiting for what is going. 409 when it had ended."""
    run = await visible_run(request, run_id)
    if not await engine.run_job(lambda: stop_run(run, caller(request), request)):
        raise ApiProblem(409, f"Run {run_id} has ended.")
    return accepted_response(run)


@changes("retry", "Go on from an action")
async def retry_run(
    request: HttpRequest, run_id: RunId, given: Again, revision: WhichRevision = PUBLISHED
) -> HttpResponse:
    """Another run that takes over what had finished before; answers 202 with it. It has the revision of the first one,
    unless the newest is asked for: `revision` says which that is."""
    run = await visible_run(request, run_id)
    restart = RestartRequest(
        run.pk,
        given.path,
        given.inputs,
        revision if given.newest or revision == DRAFT else "",
        given.anyway,
        origin_of_key(caller(request), request),
    )
    return accepted_response(await restart_run(restart))


@api.get(
    "/usage",
    auth=uses,
    summary="What calls of models have used",
    response=responses(ok=UsageReport),
    tags=["usage"],
)
async def show_usage(request: HttpRequest, asked: Query[UsageQuestion]) -> HttpResponse:
    """By UTC. Flows that the person of the key may not see count without their names; a key that is limited to flows
    reads the usage of these."""
    period = UsagePeriod.of({"period": asked.period, "from": asked.first, "to": asked.last}, timezone.now())
    filters = UsageFilters(asked.connection, asked.customer, asked.deployment, asked.flow)
    # Not by the engine: whoever records the end of an action does not wait for it.
    report = in_thread(serialize.report_usage)
    return JsonResponse(await report(caller(request), period, filters, asked.group, period.step(asked.step)))


@api.post(
    "/connections/{name}/test",
    auth=tests,
    summary="Test a connection",
    response=responses(404, ok=ConnectionCheck),
    tags=["connections"],
)
async def test_connection(request: HttpRequest, name: ConnectionName, given: Deployment) -> HttpResponse:
    """Sends one tiny prompt; a database or a vault is signed in to. A key that is limited to flows tests what these
    name."""
    key = caller(request)
    connection = await engine.run_job(lambda: connection_of(key, name))
    if connection is None:
        if key.flow_ids is not None:
            note_refusal(request, key, NOT_NAMED)
        raise ApiProblem(404, f"There is no connection {name}{or_not_for(key, 'its flows do not name it')}.")
    model = given.model or connection.default_model
    if connection.needs_deployment and not model:
        raise ApiProblem(422, "Name a deployment in model.")
    result: TestResult | SignInCheck
    try:
        if connection.is_foundry:
            result = await foundry_client().test(connection.target(), model)
        else:
            result = await check_sign_in(connection.data_target())
    except KeyUnreadable as error:
        raise ApiProblem(422, str(error), kind="key_unreadable") from None
    except AddressError as error:
        raise ApiProblem(422, str(error)) from None
    await engine.run_job(lambda: record_result(connection, result, origin_of_key(caller(request), request)))
    if isinstance(result, SignInCheck):
        return JsonResponse(serialize.serialize_sign_in(result, connection.endpoint))
    return JsonResponse(serialize.serialize_check(result))


async def start_with_key(
    request: HttpRequest, slug: str, given: Start, idempotency_key: str | None, priority: int, revision: str
) -> Run:
    """The run that was started, or the one that an equal request has started before. Raises ApiProblem."""
    key = caller(request)
    start = StartRequest(
        slug,
        given.inputs,
        priority,
        key,
        anyway=given.anyway,
        draft=revision == DRAFT,
        customer=given.customer,
        origin=origin_of_key(key, request),
    )
    try:
        return await start_run(start, idempotency_key)
    except NoFlow:
        if key.flow_ids is not None:
            note_refusal(request, key, OTHER_FLOW)
        raise
    finally:
        forget_body(request, given)


def forget_body(request: HttpRequest, given: Start) -> None:
    """A call may wait for minutes, and files are large: what it brought is not kept meanwhile."""
    request._body = b""
    given.inputs.clear()


def stop_run(run: Run, key: ApiKey, request: HttpRequest) -> bool:
    """False when the run had ended."""
    stopped = engine.cancel(run, by=f"API key {key.name}")
    if stopped:
        record(origin_of_key(key, request), "stopped", run_subject(run), of_flow(run.flow))
    return stopped


def record_result(connection: Connection, result: TestResult | SignInCheck, origin: Origin) -> None:
    connection.record_check(result)
    record_test(origin, connection, result)


def caller(request: HttpRequest) -> ApiKey:
    key: ApiKey = request.auth  # type: ignore[attr-defined]
    return key


async def visible_run(request: HttpRequest, run_id: int) -> Run:
    """What the pages show to the person whose key it is. Raises ApiProblem: a hidden run is none that is there."""
    key = caller(request)
    run = await engine.run_job(lambda: runs_of(key).filter(pk=run_id).first())
    if run is None:
        raise no_run(request, run_id)
    return run


def no_run(request: HttpRequest, run_id: int) -> ApiProblem:
    """The same, whether there is none or one that is not for this key."""
    key = caller(request)
    if key.flow_ids is not None:
        note_refusal(request, key, OTHER_FLOW)
    return ApiProblem(404, f"There is no run {run_id}{or_not_for(key)}.")


def accepted_response(run: Run) -> HttpResponse:
    url = f"{settings.PREFIX}/api/runs/{run.pk}"
    return JsonResponse({"run": run.pk, "url": url}, status=202, headers={"Location": url})


@api.exception_handler(ApiProblem)
def on_problem(request: HttpRequest, problem: ApiProblem) -> HttpResponse:
    return problems.problem_response(problem.status, problem.detail, **problem.more)


@api.exception_handler(AuthenticationError)
def on_stranger(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return problems.problem_response(401, "Give a key: Authorization: Bearer ffk_…")


@api.exception_handler(ValidationError)
def on_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [{"where": field_name(e["loc"]), "message": e["msg"]} for e in error.errors]
    return problems.problem_response(422, "The request is not as it should be.", errors=errors)


def field_name(loc: tuple[str | int, ...]) -> str:
    """The field as the caller names it; of a body, without the parameter of ours that takes it."""
    return ".".join(str(part) for part in loc[2 if loc[0] == "body" else 1 :]) or "body"


@api.exception_handler(HttpError)
def on_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error.__cause__, UnfitBody):
        return problems.problem_response(422, str(error.__cause__))
    return problems.problem_response(error.status_code, str(error))


@api.exception_handler(Exception)
def on_bug(request: HttpRequest, error: Exception) -> HttpResponse:
    if is_away(error) or is_damaged(error):
        note_away(error, request.path)
        response = problems.problem_response(503, sentence_for_visitors(error))
        response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log each of them
        return response
    log.error("action=api_failed path=%s", request.path, exc_info=error)
    return problems.problem_response(500, "The server could not go on.")
