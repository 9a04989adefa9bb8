"""Flows, their revisions, their runs. Races end in a conditional update and a row count."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models, transaction
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from connections.fields import SecretField
from connections.secret import MASK, Secret
from flows.document import Document, DocumentError, parse
from flows.literal_secrets import set_aside
from flows.statements import marks, table


class Conflict(Exception):
    """Somebody else has committed a revision since the one that was edited."""

    def __init__(self, theirs: Revision) -> None:
        super().__init__(f"The flow was changed meanwhile (revision {theirs.number}).")
        self.theirs = theirs


class Room(models.TextChoices):
    """Who edits a flow."""

    DESIGNER = "designer"
    PLAYGROUND = "playground"  # a session
    BATCH = "batch"


def visible_to(user: AbstractBaseUser | None, prefix: str = "") -> models.Q:
    """Flows of the designer, and those of sessions and batches that the person owns or that are shared."""
    seen = models.Q(**{f"{prefix}room": Room.DESIGNER})
    seen |= models.Q(**{f"{prefix}session__shared": True}) | models.Q(**{f"{prefix}batch__shared": True})
    if user is not None:
        seen |= models.Q(**{f"{prefix}session__owner": user}) | models.Q(**{f"{prefix}batch__owner": user})
    return seen


class FlowManager(models.Manager["Flow"]):
    def visible_to(self, user: AbstractBaseUser | None) -> models.QuerySet[Flow]:
        """Flows whose runs the person may see."""
        return self.filter(visible_to(user))

    def edited(self) -> models.QuerySet[Flow]:
        """Flows that people edit in the designer; those of sessions and batches are left out."""
        return self.filter(room=Room.DESIGNER)

    def named(self, slugs: Collection[str]) -> dict[str, Flow]:
        """Edited flows by slug, with their heads, whose documents are read only when they are needed."""
        given = f"slug IN {marks(slugs)} AND room = '{Room.DESIGNER}' AND head_id IS NOT NULL"
        found = list(self.raw(f"SELECT * FROM {table(Flow)} WHERE {given}", list(slugs))) if slugs else []  # noqa: S608 - names of our own, values are bound
        heads = Revision.objects.without_documents({flow.head_id for flow in found})
        there = [flow for flow in found if flow.head_id in heads]  # not deleted meanwhile
        for flow in there:
            flow.head = heads[flow.head_id]
            flow.head.flow = flow
        return {flow.slug: flow for flow in there}

    @transaction.atomic
    def start_with(
        self, document: Document, *, by: AbstractBaseUser | None, note: str = "created", room: str = Room.DESIGNER
    ) -> Flow:
        """A new flow with its first revision. Its slug comes from the name."""
        flow = self.create(name=document.name[:200], slug=self.free_slug(document.name, room), room=room)
        stored = flow.store_secrets(document).to_json()
        revision = flow.revisions.create(number=1, document=stored, created_by=by, note=note)
        self.filter(pk=flow.pk).update(head=revision, concurrency=document.concurrency)
        flow.head, flow.concurrency = revision, document.concurrency
        return flow

    def secret_inputs(self, slug: str) -> frozenset[str]:
        """Names of the secret inputs of a flow; none when there is no such flow."""
        flow = self.edited().select_related("head").filter(slug=slug).first()
        try:
            inputs = flow.current.parsed().inputs if flow else ()
        except DocumentError:
            inputs = ()
        return frozenset(declared.name for declared in inputs if declared.type == "secret")

    def free_slug(self, name: str, room: str = Room.DESIGNER) -> str:
        base = slugify(name if room == Room.DESIGNER else f"{room} {name}")[:80] or "flow"
        taken = set(self.filter(slug__startswith=base).values_list("slug", flat=True))
        return next(slug for n in range(1, len(taken) + 3) if (slug := base if n == 1 else f"{base}-{n}") not in taken)


class Flow(models.Model):
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=100, unique=True)
    room = models.CharField(max_length=20, choices=Room, default=Room.DESIGNER)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now_add=True)
    concurrency = models.PositiveIntegerField(null=True)  # runs at the same time, as the current revision says
    head = models.ForeignKey("Revision", null=True, on_delete=models.PROTECT, related_name="+")

    objects = FlowManager()

    class Meta:
        ordering = ["-changed_at"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        if self.room == Room.DESIGNER:
            return reverse("designer:show", args=[self.slug])
        return reverse(f"{self.room}:of_flow", args=[self.slug])

    @property
    def current(self) -> Revision:
        """The revision that is edited and run."""
        if self.head is None:
            raise Revision.DoesNotExist(f"Flow {self.slug} has no revision.")
        return self.head

    @property
    def can_redo(self) -> bool:
        return self.current.children.exists()

    @transaction.atomic
    def commit(self, document: Document, *, by: AbstractBaseUser | None, base: int, note: str = "") -> Revision:
        """Makes `document` the current revision if `base` (a revision number) still is; else raises Conflict."""
        newest = self.revisions.aggregate(newest=models.Max("number"))["newest"] or 0
        revision = self.revisions.create(
            number=newest + 1,
            document=self.store_secrets(document).to_json(),
            parent=self.edited_from(base),
            created_by=by,
            note=note,
        )
        self.move_head(revision, base=base, name=document.name)
        return revision

    def store_secrets(self, document: Document) -> Document:
        """The document with its literal secrets in encrypted storage instead."""
        kept: list[FlowSecret] = []

        def keep(value: str) -> dict[str, str]:
            kept.append(FlowSecret(flow=self, key=f"s{secrets.token_hex(6)}", value=Secret(value)))
            return {"secret": kept[-1].key}

        changed = set_aside(document, keep, Flow.objects.secret_inputs)
        FlowSecret.objects.bulk_create(kept)
        return changed

    def edited_from(self, base: int) -> Revision:
        """The revision of this number. Raises Conflict when there is none, as for any other that is not current."""
        found = self.revisions.filter(number=base).first()
        if found is None:
            raise Conflict(self.current)
        return found

    def undo(self, *, base: int) -> Revision:
        """Goes back to the revision before; the one left stays for redo."""
        parent = self.edited_from(base).parent or self.current
        self.move_head(parent, base=base, name=str(parent.document.get("name", self.name)))
        return parent

    def redo(self, *, base: int) -> Revision:
        """Goes forward to the newest revision that was made from this one."""
        child = self.edited_from(base).children.order_by("-number").first() or self.current
        self.move_head(child, base=base, name=str(child.document.get("name", self.name)))
        return child

    @transaction.atomic
    def remove(self) -> None:
        """Deletes the flow with its runs and revisions, which protect each other against anything less."""
        self.runs.all().delete()
        Flow.objects.filter(pk=self.pk).update(head=None)
        self.revisions.update(parent=None)
        self.revisions.all().delete()
        self.delete()

    def move_head(self, to: Revision, *, base: int, name: str) -> None:
        with transaction.atomic():
            moved = Flow.objects.filter(pk=self.pk, head__number=base).update(
                head=to, name=name[:200], changed_at=timezone.now(), concurrency=Document(to.document).concurrency
            )
            if not moved:
                raise Conflict(Flow.objects.select_related("head__created_by").get(pk=self.pk).current)
        self.head, self.name = to, name[:200]


class RevisionManager(models.Manager["Revision"]):
    def without_documents(self, keys: Collection[int]) -> dict[int, Revision]:
        """By key. Their documents are read when this process has not parsed them before."""
        found = f"SELECT id, created_at FROM {table(Revision)} WHERE id IN {marks(keys)}"  # noqa: S608 - names of our own, values are bound
        return {revision.pk: revision for revision in self.raw(found, list(keys))} if keys else {}


class Revision(models.Model):
    """One immutable state of a flow's document."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    note = models.CharField(max_length=200, blank=True)

    objects = RevisionManager()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["flow", "number"], name="one_revision_a_number")]

    def __str__(self) -> str:
        return f"{self.flow_id} r{self.number}"

    def parsed(self) -> Document:
        """The document as a tree. Raises DocumentError when what is stored is broken.

        One that was parsed a while ago is not even read when it was deferred.
        """
        known = parsed_documents.get((self.pk, self.created_at))
        if known is None:
            known = parsed_documents[self.pk, self.created_at] = parse(self.document)
            while len(parsed_documents) > MOST_PARSED:
                parsed_documents.pop(next(iter(parsed_documents)), None)
        return known


MOST_PARSED = 200
parsed_documents: dict[tuple[int, datetime], Document] = {}  # revisions never change


class FlowSecret(models.Model):
    """A literal secret typed into a property; the document holds only `{"secret": key}`."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="secrets")
    key = models.CharField(max_length=40)
    value = SecretField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["flow", "key"], name="one_secret_a_key")]

    def __str__(self) -> str:
        return self.key


class State(models.TextChoices):
    QUEUED = "queued"  # waits for a place
    RUNNING = "running"  # a process has claimed it
    WAITING = "waiting"  # for quota or a retry; goes on by itself
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # actions only: disabled, or a branch not taken


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


ENDED = (State.SUCCEEDED, State.FAILED, State.CANCELLED)
LIVE = (State.QUEUED, State.RUNNING, State.WAITING)


class RunManager(models.Manager["Run"]):
    def visible_to(self, user: AbstractBaseUser | None) -> models.QuerySet[Run]:
        """Runs of flows, and those of sessions and batches that the person owns or that are shared.

        None is a key that belongs to nobody.
        """
        return self.filter(visible_to(user, "flow__"))

    def start(self, **given: Any) -> Run:
        """A queued run, as `made` describes."""
        run = self.made(**given)
        run.save(force_insert=True)
        return run

    def made(
        self,
        *,
        flow: Flow,
        inputs: Mapping[str, object],
        by: AbstractBaseUser | None,
        via: str,
        revision: Revision | None = None,
        priority: int = 0,
        **more: Any,
    ) -> Run:
        """A queued run that is not stored yet. Secret inputs are kept encrypted until it ends and shown masked.

        Raises DocumentError.
        """
        revision = revision or flow.current
        secret_names = {i.name for i in revision.parsed().inputs if i.type == "secret"}
        secrets = {name: value for name, value in inputs.items() if name in secret_names and value is not None}
        shown = {name: MASK if name in secrets else value for name, value in inputs.items()}
        return Run(
            flow=flow,
            revision=revision,
            inputs=shown,
            secret_inputs=Secret(json.dumps(secrets)) if secrets else None,
            started_by=by,
            via=via,
            priority=priority,
            **more,
        )

    @transaction.atomic
    def again(
        self,
        run: Run,
        *,
        by: AbstractBaseUser | None,
        via: str,
        path: str = "",
        inputs: Mapping[str, object] | None = None,
        newest: bool = False,
    ) -> Run:
        """Another run that begins where `run` failed, or at `path`; what had finished before is taken over.

        Inputs that are not given stay as they were, but secret ones are gone. Results that hold a secret are gone,
        too: those actions are executed again.
        """
        kept = {name: value for name, value in run.inputs.items() if value != MASK}
        made = self.start(
            flow=run.flow,
            inputs={**kept, **(inputs or {})},
            by=by,
            via=via,
            revision=None if newest else run.revision,
            priority=run.priority,
            origin=run,
        )
        made.take_over(run, path)
        return made


class Run(models.Model):
    flow = models.ForeignKey(
        Flow, on_delete=models.CASCADE, related_name="runs", db_index=False
    )  # in two of the others
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    inputs = models.JSONField(default=dict)  # as shown: secrets masked
    secret_inputs = SecretField(null=True)  # erased when the run ends
    output = models.JSONField(null=True)
    error = models.JSONField(null=True)  # {kind, message, hint, status, request_id, raw, path, action_id}
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    via = models.CharField(max_length=40)  # designer, run page, command line, api, flow
    priority = models.SmallIntegerField(default=0)  # the higher goes first
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
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    last_event = models.PositiveIntegerField(default=0)  # number of the newest record of this run

    objects = RunManager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["flow", "-id"]),
            models.Index(fields=["state", "-id"]),
            models.Index(fields=["created_at", "id"], name="runs_by_time"),
            # For each RunGroup and state its runs by time: what a search goes through.
            models.Index("flow", "state", Coalesce("started_by", 0), "via", "created_at", "id", name="runs_by_group"),
            models.Index(fields=["-priority", "id"], condition=models.Q(state="queued"), name="runs_in_the_queue"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["parent", "parent_path"], condition=models.Q(parent__isnull=False), name="one_run_an_action"
            )
        ]

    def __str__(self) -> str:
        return f"Run {self.pk}"

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    def real_inputs(self) -> dict[str, object]:
        secrets = json.loads(self.secret_inputs.reveal()) if self.secret_inputs else {}
        return {**self.inputs, **secrets}

    def take_over(self, origin: Run, path: str) -> None:
        """Copies the results that `origin` had before `path` (empty: all), with their rows."""
        done = origin.actions.filter(state=State.SUCCEEDED)
        if path:
            pivot = origin.actions.filter(path=path).values_list("order", flat=True).first()
            done = done.filter(order__lt=pivot) if pivot is not None else done.none()
        kept = {each.path: each for each in origin.checkpoints.filter(note=False, sealed=None)}
        rows = [row for row in done if row.path in kept]
        for number, row in enumerate(rows, 1):
            row.pk, row.run, row.order, row.event = None, self, number, number
            row.reason = f"taken over from run {origin.pk}"
        ActionRun.objects.bulk_create(rows)
        Checkpoint.objects.bulk_create(
            [Checkpoint(run=self, path=row.path, plain=kept[row.path].plain) for row in rows]
        )
        Run.objects.filter(pk=self.pk).update(last_event=len(rows))

    def request_cancel(self, *, by: str) -> bool:
        """Notes who wants it stopped; a queued run ends at once. False when it had ended."""
        live = Run.objects.filter(pk=self.pk, state__in=LIVE)
        if not live.update(cancelled_by=by[:150]):
            return False
        live.filter(state=State.QUEUED).update(**ENDS, state=State.CANCELLED, ended_at=timezone.now())
        Checkpoint.objects.erase_secrets(self.pk)
        return True

    @transaction.atomic
    def kill(self) -> bool:
        """Ends the run without asking its process, whose records are refused from now on."""
        killed = Run.objects.filter(pk=self.pk, state__in=LIVE).update(
            **ENDS, state=State.CANCELLED, ended_at=timezone.now(), attempt=models.F("attempt") + 1
        )
        if killed:
            self.actions.filter(state__in=LIVE).update(state=State.CANCELLED, ended_at=timezone.now(), reason="")
            Checkpoint.objects.erase_secrets(self.pk)
        return bool(killed)

    def finish(self, state: State, *, output: Any = None, error: dict[str, Any] | None = None) -> bool:
        """Ends the run if it is still this attempt's; erases what was secret."""
        ended = Run.objects.filter(pk=self.pk, attempt=self.attempt, state__in=LIVE).update(
            **ENDS, state=state, output=output, error=error, ended_at=timezone.now()
        )
        if ended:
            Checkpoint.objects.erase_secrets(self.pk)
        return bool(ended)


# What goes with every end: nothing secret stays, nobody has the run, watchers see another event.
ENDS: dict[str, Any] = {"secret_inputs": None, "worker": None, "last_event": models.F("last_event") + 1}


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


class RunGroup(models.Model):
    """That there have been runs of this flow, started by this person in this way. Kept by triggers (`figures.py`).

    Not unique: processes that saw the first run of a group at the same time need not wait for each other.
    """

    flow = models.ForeignKey(Flow, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    started_by = models.BigIntegerField()  # key of the person; 0 is nobody
    via = models.CharField(max_length=40)

    class Meta:
        indexes = [models.Index(fields=["flow", "started_by", "via"], name="groups_of_runs")]

    def __str__(self) -> str:
        return f"{self.flow_id} by {self.started_by} via {self.via}"


class HourlyFigures(models.Model):
    """Runs of a flow that were started in this hour and have ended. Kept by triggers (`figures.py`).

    Several rows add up: on PostgreSQL each connection counts in its own, so that none waits for another.
    """

    flow = models.ForeignKey(Flow, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    hour = models.IntegerField()  # since 1970; 0 holds the sum of all
    slot = models.IntegerField()  # process of the connection that counted; 0 on SQLite
    succeeded = models.BigIntegerField()
    failed = models.BigIntegerField()
    cancelled = models.BigIntegerField()
    prompt_tokens = models.BigIntegerField()
    completion_tokens = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["hour", "flow"], name="figures_by_hour")]
        constraints = [models.UniqueConstraint(fields=["flow", "hour", "slot"], name="one_figure_an_hour")]

    def __str__(self) -> str:
        return f"{self.flow_id} in hour {self.hour}"


class CheckpointManager(models.Manager["Checkpoint"]):
    def erase_secrets(self, run_id: int) -> None:
        self.filter(run_id=run_id, sealed__isnull=False).delete()


class Checkpoint(models.Model):
    """How a path ended, or what it noted, for whoever goes on with the run. With a secret in it, encrypted."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="checkpoints")
    path = models.CharField(max_length=500)
    note = models.BooleanField(default=False)
    plain = models.TextField(blank=True)
    sealed = SecretField(null=True)  # erased when the run ends

    objects = CheckpointManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "path", "note"], name="one_checkpoint_a_path")]

    def __str__(self) -> str:
        return self.path

    @property
    def text(self) -> str:
        """Raises KeyUnreadable."""
        return self.sealed.reveal() if self.sealed else self.plain


class ActionRun(models.Model):
    """One execution of one action: the durable record of its outcome, as people may see it."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="actions", db_index=False)
    path = models.CharField(max_length=500)  # "chat", "each[3]/chat"
    action_id = models.CharField(max_length=100)
    type = models.CharField(max_length=100)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=State.choices)
    event = models.PositiveIntegerField()  # number of the record that changed this row last
    order = models.PositiveIntegerField()  # number of the record that created it
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    inputs = models.JSONField(default=dict)
    output = models.JSONField(null=True)
    variables = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)
    usage = models.JSONField(null=True)  # {prompt_tokens, completion_tokens, total_tokens, ...}
    warning = models.CharField(max_length=500, blank=True)
    error = models.JSONField(null=True)
    reason = models.CharField(max_length=500, blank=True)  # why it was skipped, or what it waits for
    waits_until = models.DateTimeField(null=True)
    text = models.TextField(blank=True)  # what had been streamed when it ended early

    class Meta:
        ordering = ["order"]
        indexes = [models.Index(fields=["run", "order"], name="steps_in_order")]
        constraints = [models.UniqueConstraint(fields=["run", "path"], name="one_record_a_path")]

    def __str__(self) -> str:
        return self.path

    @property
    def milliseconds(self) -> float | None:
        """Duration in ms once ended."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds() * 1000


class LogEntry(models.Model):
    """One line of the execution log."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="log", db_index=False)
    event = models.PositiveIntegerField()
    at = models.DateTimeField()
    path = models.CharField(max_length=500, blank=True)
    level = models.CharField(max_length=10)  # debug, info, warning, error
    message = models.TextField()

    class Meta:
        ordering = ["event"]
        indexes = [models.Index(fields=["run", "event"], name="lines_in_order")]

    def __str__(self) -> str:
        return self.message
