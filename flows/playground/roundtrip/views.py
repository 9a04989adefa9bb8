"""From a call of a run to a session, and from a session to a flow."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from flows.access import find_flow, find_run
from flows.actions.chat_completion.action import ChatCompletion
from flows.language.document import Document, DocumentError
from flows.language.nodes import Action
from flows.models import ActionRun, Conflict, Flow, Room, State
from flows.models.audit import flow_subject
from flows.playground.access import find_session
from flows.playground.audit import record_session
from flows.playground.models import Session
from flows.playground.roundtrip.contexts import UsePage, use_page
from flows.playground.roundtrip.merge import ACTION_ID, apply_to_document
from flows.playground.roundtrip.open_session import open_session
from flows.playground.roundtrip.review import NewFlowPreview, Review
from foundryflow.access import editor
from foundryflow.audit.record import origin_of, record
from foundryflow.http import Request, whole_number
from foundryflow.regions import Region, page, regions

CONFLICT, INVALID = 409, 422


class UseInNewFlowForm(forms.Form):
    name = forms.CharField(max_length=200, error_messages={"required": "A flow needs a name."})


@editor
@require_POST
def open_action(request: Request, pk: int) -> HttpResponse:
    """A session that goes on from a chat completion of this run."""
    run = find_run(request, pk)
    if run.flow.room == Room.PLAYGROUND:
        return redirect("playground:of_flow", run.flow.slug)
    called = run.actions.filter(path=request.GET.get("path", ""), type=ChatCompletion.type).first()
    if called is None:
        raise Http404("This run has no such chat completion.")
    if called.state == State.SKIPPED:
        messages.info(request, "This action was not run, so there is nothing to open.")
        return redirect("runs:show", pk)
    called.run = run
    with transaction.atomic():
        session, notes = open_session(called, *find_action(called), request.user)
        record_session(request, "created", session, f"from run {run.pk}")
    for note in notes:
        messages.warning(request, note)
    return redirect("playground:show", session.pk)


def find_action(record: ActionRun) -> tuple[Document, Action]:
    """The document that was run, and its action."""
    try:
        document = record.run.revision.parsed()
    except DocumentError:
        raise Http404("The revision of this run cannot be read.") from None
    action = document.find(record.action_id)
    if action is None:
        raise Http404("The revision of this run has no such action.")
    return document, action


@editor
@require_http_methods(["GET", "POST"])
def use(request: Request, pk: int) -> HttpResponse:
    """Shows what a session changes in a flow, and changes it when that was reviewed."""
    session = find_session(request, pk)
    shown = page_for(request, session)
    if request.method == "GET":
        return use_response(request, shown)
    if shown.review:
        return commit_to_flow(request, shown, shown.review)
    if shown.preview:
        return create_flow_of(request, shown, shown.preview)
    return use_response(request, shown, status=INVALID)


def page_for(request: Request, session: Session) -> UsePage:
    """The page of what the address chooses; where it chooses no flow, of the one the session came from."""
    origin = session.from_flow if session.from_flow and session.from_flow.is_in_designer else None
    slug = request.GET.get("flow", origin.slug if origin else "")
    return use_page(session, find_flow(request, slug) if slug else None, request.GET)


def use_response(
    request: Request, shown: UsePage, *, status: int = 200, changed: str = "", form: forms.Form | None = None
) -> HttpResponse:
    """The page; `changed` says what was changed since it was reviewed, the flow or the session."""
    context = {
        "page": shown,
        "session": shown.session,
        "changed": changed,
        "form": form or UseInNewFlowForm(initial={"name": shown.session.name}),
    }
    if request.htmx:
        response = regions(request, Region("roundtrip/_use.html", "use", context), status=status)
        response.headers["HX-Replace-Url"] = f"{request.path}?{shown.query}"
        return response
    return page(request, "roundtrip/use.html", context, status=status)


def commit_to_flow(request: Request, shown: UsePage, review: Review) -> HttpResponse:
    """Commits the properties to the revision that was reviewed."""
    flow, session = review.flow, shown.session
    if not review.changes:
        messages.info(request, f"Nothing to change: {review.title} is as in the session.")
        return redirect(action_url(flow, review.action_id))
    if request.POST.get("base") == str(review.revision.number) and request.POST.get("reviewed") != review.digest:
        return use_response(request, shown, status=CONFLICT, changed="session")
    added = [needed for needed in review.missing if needed.name in request.POST.getlist("add")]
    try:
        document = apply_to_document(review.document, review.action_id, review.properties, added)
        base = whole_number(request.POST.get("base")) or 0
        with transaction.atomic():
            made = flow.commit(
                document, by=request.user, base=base, note=f"from playground session {session.name}"[:200]
            )
            said = f": {review.title}, from session {session.pk}, r{made.number}"
            record(origin_of(request), "changed", flow_subject(flow), said)
    except Conflict:
        return use_response(request, page_for(request, session), status=CONFLICT, changed="flow")
    except DocumentError as error:
        shown.problems.extend(error.problems)
        return use_response(request, shown, status=INVALID)
    return go_to_action(request, session, flow, review.action_id)


def create_flow_of(request: Request, shown: UsePage, preview: NewFlowPreview) -> HttpResponse:
    form = UseInNewFlowForm(request.POST)
    if not form.is_valid():
        return use_response(request, shown, status=INVALID, form=form)
    if request.POST.get("reviewed") != preview.digest:
        return use_response(request, shown, status=CONFLICT, changed="session", form=form)
    document = preview.document.with_name(form.cleaned_data["name"].strip())
    with transaction.atomic():
        note = f"from playground session {shown.session.name}"[:200]
        flow = Flow.objects.create_flow(document, by=request.user, note=note)
        record(origin_of(request), "created", flow_subject(flow), f"from session {shown.session.pk}")
    return go_to_action(request, shown.session, flow, ACTION_ID)


def go_to_action(request: Request, session: Session, flow: Flow, action_id: str) -> HttpResponseRedirect:
    """Into the designer; next time the session goes to the same place."""
    if session.owner_id == request.user.pk:
        Session.objects.filter(pk=session.pk).update(from_flow=flow, from_action=action_id)
    return redirect(action_url(flow, action_id))


def action_url(flow: Flow, action_id: str) -> str:
    return f"{reverse('designer:show', args=[flow.slug])}?action={action_id}"
