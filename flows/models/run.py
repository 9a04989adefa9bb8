"""Runs and the processes that execute them. Races end in a conditional update and a row count."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from connections.fields import SecretField
from connections.secret import Secret
from flows.language.files import GivenFile, files_in, with_references
from flows.language.values import storable_text
from flows.lint.hidden_inputs import shown_inputs
from flows.models.designer import without_masks
from flows.models.flow import Flow, Revision, visible_to
from flows.models.record import Checkpoint
from flows.models.run_file import RunFile
from flows.models.states import ENDED, LIVE, State
from flows.models.take_over import Takes, all_but, before, take_over

LONGEST_CUSTOMER = 200  # characters


class Worker(models.Model):
    """A process that executes runs. One that has stopped beating has lost its runs to others."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20)  # server, worker, command line
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField(auto_now_add=True)
    beat_at = models.DateTimeField(default=timezone.now)
    trying_since = models.DateTimeField(null=True)  # executes suspects, or makes room for them
    killed_by = models.PositiveBigIntegerField(null=True)  # the run that was alone in it when it died

    class Meta:
        indexes = [models.Index(fields=["beat_at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.pid} on {self.host}"


# What goes with every end: nothing secret stays, nobody has the run, watchers see another event.
ENDS: dict[str, Any] = {"secret_inputs": None, "pins": None, "worker": None, "last_event": models.F("last_event") + 1}


class RunManager(models.Manager["Run"]):
    def visible_to(self, user: User | None) -> models.QuerySet[Run]:
        """Runs of flows, and those of sessions and batches that the person owns or that are shared.

        None is a key that belongs to nobody.
        """
        return self.filter(visible_to(user, "flow__"))

    def start(self, **given: Any) -> Run:
        """A queued run, as `build` describes."""
        run = self.build(**given)
        run.save(force_insert=True)
        return run

    def build(
        self,
        *,
        flow: Flow,
        inputs: Mapping[str, object],
        by: User | None,
        via: str,
        revision: Revision | None = None,
        priority: int = 0,
        customer: str | None = None,
        **more: Any,
    ) -> Run:
        """A queued run that is not stored yet. Secret inputs are kept encrypted until it ends and shown masked; files
        are kept apart, as encrypted and as long.

        Raises DocumentError.
        """
        revision = revision or flow.current
        hidden = revision.hidden_inputs()
        given, inputs = files_in(inputs), with_references(inputs)
        secrets = {name: value for name, value in inputs.items() if name in hidden and value is not None}
        run = Run(
            flow=flow,
            revision=revision,
            inputs=shown_inputs(inputs, hidden),
            secret_inputs=Secret(json.dumps(secrets)) if secrets else None,
            started_by=by,
            via=via,
            priority=priority,
            customer=storable_text((customer or "").strip())[:LONGEST_CUSTOMER] or None,
            published=was_published(revision, flow, more.get("origin")),
            **more,
        )
        run.new_files = given
        return run

    @transaction.atomic
    def start_again(
        self,
        run: Run,
        *,
        by: User | None,
        via: str,
        path: str = "",
        inputs: Mapping[str, object] | None = None,
        revision: Revision | None = None,
        **options: Any,
    ) -> Run:
        """Another run that begins where `run` failed, or at `path`; what had finished before is taken over.

        It executes the revision of `run`, or another one. Inputs that are not given stay as they were, but secret ones
        are gone. Results that hold a secret are gone, too: those actions are executed again. `options` are other
        fields of the new run.
        """
        return self._start_like(run, before(run.pk, path), revision or run.revision, inputs, by=by, via=via, **options)

    def fork(self, run: Run, *, revision: Revision, inputs: Mapping[str, object], by: User | None, via: str) -> Run:
        """Another run with these inputs that leads to `run` and executes everything anew."""
        return self.start(
            flow=run.flow, revision=revision, inputs=inputs, by=by, via=via, priority=run.priority,
            customer=run.customer, origin=run,
        )  # fmt: skip

    @transaction.atomic
    def retry_iterations(
        self,
        run: Run,
        loop: str,
        numbers: Collection[int],
        *,
        by: User | None,
        via: str,
        inputs: Mapping[str, object] | None = None,
    ) -> Run:
        """Another run that executes these iterations of a loop again, and what stands behind the loop.

        What was before, and how the others ended, is taken over: as in `start_again`, but for what holds a secret.
        """
        return self._start_like(run, all_but(run.pk, loop, numbers), run.revision, inputs, by=by, via=via)

    def _start_like(
        self,
        run: Run,
        takes: Takes,
        revision: Revision,
        inputs: Mapping[str, object] | None,
        **started: Any,
    ) -> Run:
        made = self.start(
            flow=run.flow,
            inputs={**run.inputs_without_masks(), **(inputs or {})},
            revision=revision,
            customer=run.customer,
            origin=run,
            **{"priority": run.priority, **started},
        )
        self.filter(pk=made.pk).update(last_event=take_over(made.pk, run.pk, takes))
        return made


def was_published(revision: Revision, flow: Flow, origin: Run | None) -> bool | None:
    """Whether a run gets the published revision; one that goes on with that of another run is what that one was."""
    if origin is not None and origin.revision_id == revision.pk:
        return origin.published
    return revision.pk == flow.published_id


class Run(models.Model):
    flow = models.ForeignKey(
        Flow, on_delete=models.CASCADE, related_name="runs", db_index=False
    )  # in two of the others
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="+")
    published = models.BooleanField(null=True)  # whether that was the published one; None: from before there were any
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    inputs = models.JSONField(default=dict)  # as shown: secrets masked
    secret_inputs = SecretField(null=True)  # erased when the run ends
    until = models.CharField(max_length=500, null=True)  # the run ends behind this action, by its id or path
    pins = SecretField(null=True)  # outcomes that are used in place of actions; erased when the run ends
    output = models.JSONField(null=True)
    error = models.JSONField(null=True)  # {kind, message, hint, status, request_id, raw, path, action_id}
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    via = models.CharField(max_length=40)  # designer, run page, command line, api, flow
    priority = models.SmallIntegerField(default=0)  # the higher goes first
    customer = models.CharField(max_length=LONGEST_CUSTOMER, null=True)  # for whom: a label of whoever starts it
    parent = models.ForeignKey(
        "self", null=True, on_delete=models.CASCADE, related_name="children", db_index=False
    )  # that of the constraint serves
    parent_path = models.CharField(max_length=520, blank=True)  # of the action that runs this flow, and its try
    origin = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")  # retried or forked
    idempotency_key = models.CharField(max_length=120, null=True, unique=True)
    request_digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    worker = models.ForeignKey(Worker, null=True, on_delete=models.SET_NULL, related_name="runs")
    attempt = models.PositiveIntegerField(default=0)  # counted by each claim; records of an older one are refused
    crash_path = models.CharField(max_length=500, blank=True)  # what was going when its process died, a line each
    crashes = models.PositiveSmallIntegerField(default=0)  # in a row there
    cancelled_by = models.CharField(max_length=150, blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)  # of its own actions, so that sums over runs are right
    completion_tokens = models.PositiveIntegerField(default=0)
    subflow_prompt_tokens = models.PositiveIntegerField(null=True)  # of the runs that its actions have started
    subflow_completion_tokens = models.PositiveIntegerField(null=True)
    estimated_tokens = models.PositiveIntegerField(default=0, db_default=0)  # of both kinds: no service counted them
    subflow_estimated_tokens = models.PositiveIntegerField(null=True)
    last_event = models.PositiveIntegerField(default=0)  # number of the newest record of this run

    objects = RunManager()
    secrets_known_by = "flow__name"
    new_files: Sequence[GivenFile] = ()  # that are stored with it

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["flow", "-id"]),
            models.Index(fields=["state", "-id"]),
            models.Index(fields=["created_at", "id"], name="runs_by_time"),
            # For each RunGroup and state its runs by time: what a search goes through.
            models.Index("flow", "state", Coalesce("started_by", 0), "via", "created_at", "id", name="runs_by_group"),
            models.Index(
                fields=["customer", "created_at", "id"],
                condition=models.Q(customer__isnull=False),
                name="runs_by_customer",
            ),
            models.Index(fields=["-priority", "id"], condition=models.Q(state="queued"), name="runs_in_the_queue"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["parent", "parent_path"], condition=models.Q(parent__isnull=False), name="one_run_an_action"
            )
        ]

    def __str__(self) -> str:
        return f"Run {self.pk}"

    def save(self, *args: Any, **options: Any) -> None:
        """With the files that it was made with."""
        files, self.new_files = self.new_files, ()
        if not files:
            super().save(*args, **options)
            return
        with transaction.atomic():
            super().save(*args, **options)
            RunFile.objects.store_files(self.pk, files)

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def can_retry(self) -> bool:
        """Whether another run may go on where it ended."""
        return self.state in (State.FAILED, State.CANCELLED) and self.flow.is_in_designer

    @property
    def milliseconds(self) -> float | None:
        """How long it took or has gone so far; None before it has begun."""
        if self.started_at is None:
            return None
        return ((self.ended_at or timezone.now()) - self.started_at).total_seconds() * 1000

    @property
    def all_prompt_tokens(self) -> int:
        """With those of its subflows."""
        return self.prompt_tokens + (self.subflow_prompt_tokens or 0)

    @property
    def all_completion_tokens(self) -> int:
        return self.completion_tokens + (self.subflow_completion_tokens or 0)

    @property
    def tokens(self) -> dict[str, int]:
        """All of them, by their names in a usage."""
        prompt, completion = self.all_prompt_tokens, self.all_completion_tokens
        counted = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        estimated = self.estimated_tokens + (self.subflow_estimated_tokens or 0)
        return {**counted, "estimated_tokens": estimated} if estimated else counted

    def inputs_with_secrets(self) -> dict[str, object]:
        return {**self.inputs, **self.hidden_values()}

    def hidden_values(self) -> dict[str, Any]:
        """The inputs that are kept encrypted, by name, until the run ends."""
        hidden: dict[str, Any] = json.loads(self.secret_inputs.reveal()) if self.secret_inputs else {}
        return hidden

    def inputs_without_masks(self) -> dict[str, Any]:
        """Those that can be given again."""
        return without_masks(self.inputs)

    def request_cancel(self, *, by: str) -> bool:
        """Notes who wants it stopped; a queued run ends at once. False when it had ended."""
        live = Run.objects.filter(pk=self.pk, state__in=LIVE)
        if not live.update(cancelled_by=by[:150]):
            return False
        live.filter(state=State.QUEUED).update(**ENDS, state=State.CANCELLED, ended_at=timezone.now())
        erase_kept(self.pk)
        return True

    @transaction.atomic
    def kill(self) -> bool:
        """Ends the run without asking its process, whose records are refused from now on."""
        killed = Run.objects.filter(pk=self.pk, state__in=LIVE).update(
            **ENDS, state=State.CANCELLED, ended_at=timezone.now(), attempt=models.F("attempt") + 1
        )
        if killed:
            self.actions.filter(state__in=LIVE).update(state=State.CANCELLED, ended_at=timezone.now(), reason="")
            erase_kept(self.pk)
        return bool(killed)

    def finish(self, state: State, *, output: Any = None, error: dict[str, Any] | None = None) -> bool:
        """Ends the run if it is still this attempt's; erases what was secret."""
        ended = Run.objects.filter(pk=self.pk, attempt=self.attempt, state__in=LIVE).update(
            **ENDS, state=state, output=output, error=error, ended_at=timezone.now()
        )
        if ended:
            erase_kept(self.pk)
        return bool(ended)


def erase_kept(run_id: int) -> None:
    """What is kept of a run only until it ends."""
    Checkpoint.objects.erase_secrets(run_id)
    RunFile.objects.erase([run_id])


class Suspect(models.Model):
    """A run that may have killed its process more than once. Forgotten when the action that was going has ended."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, primary_key=True, related_name="suspicion")
    company = models.PositiveIntegerField()  # how many suspects may go together with it, itself included
    alone = models.PositiveSmallIntegerField(default=0)  # deaths with nothing beside it, in a process that was well
    proven = models.PositiveSmallIntegerField(default=0)  # among them, without another death since the one before
    lived = models.FloatField(default=0)  # seconds that the action had gone at most when its process died
    died_at = models.DateTimeField()
    not_before = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)  # on trial since
    tried_with = models.PositiveIntegerField(null=True)  # how many suspects went together, itself included

    def __str__(self) -> str:
        return f"Suspect {self.run_id}"
