"""Starts a run: anew, with the inputs of another one, or from where that failed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from flows import engine
from flows.access import find_flow, find_run
from flows.engine import configuration
from flows.engine.configuration import head_of
from flows.language.document import DocumentError
from flows.lint.linter import Problem
from flows.models import Flow, Revision, Run, State
from flows.models.audit import of_flow, run_subject
from flows.runs.chosen_iterations import ChosenIterations
from flows.runs.forms import InputsForm
from foundryflow.access import runner
from foundryflow.audit.record import origin_of, record
from foundryflow.http import Request, form_data, whole_number
from foundryflow.regions import Region, page, regions


@dataclass(frozen=True)
class RunPlan:
    """A run that somebody is about to start, with the form of its inputs."""

    flow: Flow
    revision: Revision
    form: InputsForm
    origin: Run | None = None  # that it is made from, on the same revision
    path: str | None = None  # where it begins, what is before taken over; empty: where the origin failed; None: anew
    chosen: ChosenIterations | None = None  # of the origin, that alone are executed again

    @classmethod
    def of_address(cls, request: Request, flow: Flow) -> RunPlan:
        """`again` in the address offers the inputs of another run; with `fork`, the run is of the same revision and
        leads to that one; with `from`, its results are taken over, too. Else it is the draft that runs, or, as
        `revision` says, what is published.

        Raises Http404 when the revision of that run cannot be read.
        """
        again = Run.objects.filter(pk=whole_number(request.GET.get("again")) or 0, flow=flow).first()
        origin = again if "from" in request.GET or "fork" in request.GET else None
        revision = origin.revision if origin and "newest" not in request.POST else head_of(flow)
        if again is None and request.GET.get("revision") == "published":
            revision = flow.called_revision
        try:
            document = revision.parsed()
        except DocumentError:
            raise Http404("The revision of that run cannot be read.") from None
        is_filled_in = request.method == "POST" and (not document.inputs or "asked" in request.POST)
        form = InputsForm(document, form_data(request) if is_filled_in else None, given=again, files=request.FILES)
        chosen = ChosenIterations.of(origin, request.GET) if origin and "loop" in request.GET else None
        return cls(flow, revision, form, origin, request.GET.get("from"), chosen)

    @classmethod
    def of_retry(cls, run: Run) -> RunPlan:
        """Goes on where the run failed. Raises DocumentError."""
        form = InputsForm(run.revision.parsed(), None, given=run)
        return cls(run.flow, run.revision, form, run, (run.error or {}).get("path", ""))

    @property
    def address(self) -> str:
        """Where its form is sent."""
        form = reverse("runs:start", args=[self.flow.slug])
        if self.origin is None:
            return f"{form}?revision=published" if self.is_of_published else form
        way = {"fork": ""} if self.is_fork else {"from": self.path, **(self.chosen.query if self.chosen else {})}
        return f"{form}?{urlencode({'again': self.origin.pk, **way})}"

    @property
    def is_fork(self) -> bool:
        """Whether it executes everything anew, on the revision of another run."""
        return self.origin is not None and self.path is None

    @property
    def is_of_published(self) -> bool:
        """Rather than the draft, which is another revision."""
        is_published = self.revision.pk == self.flow.published_id
        return self.origin is None and self.flow.has_unpublished_changes and is_published

    def errors(self) -> list[Problem]:
        """What keeps it from being started, unless somebody wants it anyway."""
        return configuration.errors_before_run(self.revision)

    @transaction.atomic
    def start(self, request: Request) -> Run:
        """Queues the run with the inputs of the form, which is valid."""
        by = request.user
        inputs = self.form.inputs()
        if self.origin and self.path is not None:
            # What was cleared counts as cleared.
            cleared = dict.fromkeys(declared.name for declared in self.revision.parsed().inputs)
            inputs = {**cleared, **inputs}
            if self.chosen:
                run = self.chosen.retry(by=by, inputs=inputs)
            else:
                run = Run.objects.start_again(
                    self.origin, by=by, via="run page", path=self.path, inputs=inputs, revision=self.revision
                )
        elif self.origin:
            run = Run.objects.fork(self.origin, revision=self.revision, inputs=inputs, by=by, via="run page")
        else:
            run = Run.objects.start(
                flow=self.flow,
                revision=self.revision,
                inputs=inputs,
                by=by,
                via="designer",
                priority=engine.URGENT,
            )
        engine.submit(run)
        record_start(request, run, self.origin, "forked as" if self.is_fork else "retried as")
        return run


@runner
@require_http_methods(["GET", "POST"])
def start(request: Request, slug: str) -> HttpResponse:
    """Asks for the inputs, then starts the run and shows it."""
    flow = find_flow(request, slug)
    try:
        flow.current.parsed()
    except DocumentError:
        return redirect("designer:show", slug)
    plan = RunPlan.of_address(request, flow)
    errors = plan.errors()
    if request.method == "POST" and errors and "anyway" not in request.POST:
        return start_page(request, plan, errors, status=422)
    if plan.form.is_valid():
        run = plan.start(request)
        address = reverse("runs:show", args=[run.pk])
        return HttpResponse(headers={"HX-Redirect": address}) if request.htmx else redirect(address)
    return start_page(request, plan, errors, status=422 if plan.form.is_bound else 200)


@runner
@require_POST
def retry(request: Request, pk: int) -> HttpResponse:
    """Goes on where the run failed, with what had finished; asks for secret inputs first, which are gone."""
    run = find_run(request, pk)
    if run.state not in (State.FAILED, State.CANCELLED):
        messages.info(request, "Only a run that failed or was stopped can be retried.")
        return redirect("runs:show", pk)
    return start_retry(request, run)


@runner
@require_POST
def retry_iterations(request: Request, pk: int) -> HttpResponse:
    """Executes the iterations again that have failed and that the filters find, or the one that is named."""
    run = find_run(request, pk)
    chosen = ChosenIterations.of(run, form_data(request))
    if not run.ended or chosen is None:
        messages.info(request, "Only iterations that failed can be retried, once their run has ended.")
        return redirect("runs:show", pk)
    return start_retry(request, run, chosen)


def start_retry(request: Request, run: Run, chosen: ChosenIterations | None = None) -> HttpResponse:
    """Starts it, unless something has to be asked or said before."""
    try:
        plan = replace(RunPlan.of_retry(run), chosen=chosen)
        errors = plan.errors()
    except DocumentError:
        messages.error(request, "The revision of that run cannot be read.")
        return redirect("runs:show", run.pk)
    if run.inputs_without_masks().keys() != run.inputs.keys():
        return redirect(plan.address)
    if errors and "anyway" not in request.POST:
        return start_page(request, plan, errors, status=422)
    with transaction.atomic():
        if chosen:
            retried = chosen.retry(by=request.user)
        else:
            retried = Run.objects.start_again(run, by=request.user, via="run page")
        engine.submit(retried)
        record_start(request, retried, run)
    return redirect("runs:show", retried.pk)


def record_start(request: Request, run: Run, origin: Run | None, verb: str = "retried as") -> None:
    """`origin` is the run that this one was made from, and `verb` how."""
    how = f"{of_flow(run.flow)}, from run {origin.pk}" if origin else of_flow(run.flow)
    record(origin_of(request), verb if origin else "started", run_subject(run), how)


def start_page(request: Request, plan: RunPlan, errors: list[Problem], *, status: int) -> HttpResponse:
    """Asks for the inputs, and says what is wrong with the flow."""
    located = configuration.locate_problems(errors, plan.revision.parsed(), plan.flow)
    context = {"plan": plan, "errors": located}
    if request.htmx:
        return regions(request, Region("runs/_start_form.html", "start-form", context), status=status)
    return page(request, "runs/start.html", context, status=status)
