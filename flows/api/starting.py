"""From a request to a run in the queue, in few queries."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from connections.secret import MASK
from flows import engine
from flows.api.problems import Problem
from flows.document import Document, DocumentError
from flows.errors import ActionError
from flows.models import Flow, Revision, Run
from flows.runner import first_scope
from foundryflow.models import ApiKey

MOST_DOCUMENTS = 200
LONGEST_KEY = 200  # characters of Idempotency-Key

_documents: OrderedDict[tuple[int, datetime], Document] = OrderedDict()


async def start(slug: str, inputs: Mapping[str, Any], key: ApiKey, idempotency: str | None, priority: int) -> Run:
    """The run that was started, or the one that an equal request has started before. Raises Problem."""
    if idempotency is not None and not 0 < len(idempotency) <= LONGEST_KEY:
        raise Problem(400, f"Idempotency-Key has 1 to {LONGEST_KEY} characters.")
    more: dict[str, Any] = {}
    if idempotency is not None:
        stored = f"{key.pk}:{hashlib.sha256(idempotency.encode()).hexdigest()}"
        more = {"idempotency_key": stored, "request_digest": digest(slug, inputs)}
    started = await engine.execute(lambda: attempted(slug, inputs, priority, more))
    if isinstance(started, Problem):
        raise started
    return started


async def again(run_id: int, path: str, inputs: Mapping[str, Any], *, newest: bool) -> Run:
    """Raises Problem."""
    made = await engine.execute(lambda: taken_up(run_id, path, inputs, newest))
    if isinstance(made, Problem):
        raise made
    return made


def taken_up(run_id: int, path: str, inputs: Mapping[str, Any], newest: bool) -> Run | Problem:
    run = Run.objects.select_related("flow__head", "revision").filter(pk=run_id).first()
    if run is None:
        return Problem(404, f"There is no run {run_id}.")
    if not run.ended:
        return Problem(409, f"Run {run_id} has not ended.")
    if path and not run.actions.filter(path=path).exists():
        return Problem(422, f"Run {run_id} has no action at {path}.")
    try:
        document = parsed(run.flow.current if newest else run.revision)
        kept = {name: value for name, value in run.inputs.items() if value != MASK}
        first_scope(document, {**kept, **inputs})
        made = Run.objects.again(run, by=None, via="api", path=path, inputs=inputs, newest=newest)
        engine.submit(made)
    except ActionError as error:
        return Problem(422, f"{error.message} {error.hint}".strip(), kind=error.kind)
    except Problem as problem:
        return problem
    return made


def attempted(slug: str, inputs: Mapping[str, Any], priority: int, more: Mapping[str, Any]) -> Run | Problem:
    """The run, or why not: an error would undo what shares the transaction."""
    try:
        flow = found(slug)
        document = parsed(flow.current)
        first_scope(document, inputs)
        return created(flow, document, inputs, priority, more)
    except ActionError as error:
        return Problem(422, f"{error.message} {error.hint}".strip(), kind=error.kind)
    except Problem as problem:
        return problem


def found(slug: str) -> Flow:
    flow = Flow.objects.edited().select_related("head").filter(slug=slug).first()
    if flow is None:
        raise Problem(404, f"There is no flow {slug}.")
    return flow


def parsed(revision: Revision) -> Document:
    """The document of a revision, which never changes."""
    known = _documents.get((revision.pk, revision.created_at))
    if known is None:
        try:
            known = revision.parsed()
        except DocumentError as broken:
            raise Problem(422, "The flow cannot be read.", errors=broken.problems[:20]) from None
        _documents[revision.pk, revision.created_at] = known
        if len(_documents) > MOST_DOCUMENTS:
            _documents.popitem(last=False)
    return known


def digest(slug: str, inputs: Mapping[str, Any]) -> str:
    # Keyed: it stays with the run, and a secret input could be guessed from a plain one.
    return salted_hmac(__name__, json.dumps([slug, inputs], sort_keys=True), algorithm="sha256").hexdigest()


def created(flow: Flow, document: Document, inputs: Mapping[str, Any], priority: int, more: Mapping[str, Any]) -> Run:
    """Raises Problem when the same idempotency key came with another request."""
    if more and (known := same_request(more)):
        return known
    try:
        with transaction.atomic(savepoint=bool(more)):
            run = Run.objects.start(
                flow=flow, inputs=inputs, by=None, via="api", priority=priority, document=document, **more
            )
            engine.submit(run)
            return run
    except IntegrityError:
        known = same_request(more) if more else None
        if known is None:
            raise
        return known


def same_request(more: Mapping[str, Any]) -> Run | None:
    known = Run.objects.filter(idempotency_key=more["idempotency_key"]).first()
    if known is not None and known.request_digest != more["request_digest"]:
        raise Problem(409, "This Idempotency-Key came with another request before.", run=known.pk)
    return known
