"""Flows and their revisions. Races end in a conditional update and a row count."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime
from functools import cached_property

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from connections.secret import Secret
from flows.language.document import Document, DocumentError, parse
from flows.lint.hidden_inputs import Hidden, hidden_inputs
from flows.lint.literal_secrets import replace_literals
from flows.models.raw_sql import placeholders, table
from flows.models.secrets import FlowSecret

MOST_PARSED = 200  # documents
PAGES = ("new", "import", "sample")  # beside those of flows, none of which may have such an address


class ParsedRevision:
    """What is found out once about a revision, which never changes."""

    def __init__(self, document: Document) -> None:
        self.document = document

    @cached_property
    def hidden_inputs(self) -> Hidden:
        return hidden_inputs(self.document)


parsed_revisions: dict[tuple[int, datetime], ParsedRevision] = {}


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
    DELETED = "deleted"  # nobody: it is removed, and the engine has not deleted all of its runs yet


def visible_to(user: User | None, prefix: str = "") -> models.Q:
    """Flows of the designer, and those of sessions and batches that the person owns or that are shared."""
    seen = models.Q(**{f"{prefix}room": Room.DESIGNER})
    seen |= models.Q(**{f"{prefix}session__shared": True}) | models.Q(**{f"{prefix}batch__shared": True})
    if user is not None:
        seen |= models.Q(**{f"{prefix}session__owner": user}) | models.Q(**{f"{prefix}batch__owner": user})
    return seen


class FlowManager(models.Manager["Flow"]):
    def visible_to(self, user: User | None) -> models.QuerySet[Flow]:
        """Flows whose runs the person may see."""
        return self.filter(visible_to(user))

    def in_designer(self) -> models.QuerySet[Flow]:
        """Flows that people edit in the designer; those of sessions and batches are left out."""
        return self.filter(room=Room.DESIGNER)

    def by_slug(self, slugs: Collection[str]) -> dict[str, Flow]:
        """Edited flows by slug, with draft and published revision, whose documents are read when they are needed."""
        given = f"slug IN {placeholders(slugs)} AND room = '{Room.DESIGNER}' AND head_id IS NOT NULL"
        found = list(self.raw(f"SELECT * FROM {table(Flow)} WHERE {given}", list(slugs))) if slugs else []  # noqa: S608 - names of our own, values are bound
        keys = {key for flow in found for key in (flow.head_id, flow.published_id) if key}
        revisions = Revision.objects.without_documents(keys)
        by_slug: dict[str, Flow] = {}
        for flow in found:
            if flow.head_id and (head := revisions.get(flow.head_id)):  # not deleted meanwhile
                flow.head, head.flow = head, flow
                if flow.published_id:
                    flow.published = revisions.get(flow.published_id)
                by_slug[flow.slug] = flow
        return by_slug

    @transaction.atomic
    def create_flow(
        self, document: Document, *, by: User | None, note: str = "created", room: str = Room.DESIGNER, slug: str = ""
    ) -> Flow:
        """A new flow with its first revision. Its slug comes from the name, unless one that is free is given."""
        slug = slug or self.free_slug(document.name, room)
        flow = self.create(name=document.name[:200], slug=slug, room=room)
        stored = flow.store_secrets(document).to_json()
        revision = flow.revisions.create(number=1, document=stored, created_by=by, note=note)
        self.filter(pk=flow.pk).update(head=revision, concurrency=document.concurrency)
        flow.head, flow.concurrency = revision, document.concurrency
        return flow

    def secret_inputs(self, slug: str) -> frozenset[str]:
        """Names of the secret inputs of a flow as others run it; none when there is no such flow."""
        flow = self.by_slug({slug}).get(slug)
        try:
            inputs = flow.called_revision.parsed().inputs if flow else ()
        except DocumentError:
            inputs = ()
        return frozenset(declared.name for declared in inputs if declared.type == "secret")

    def free_slug(self, name: str, room: str = Room.DESIGNER) -> str:
        base = slugify(name if room == Room.DESIGNER else f"{room} {name}")[:80] or "flow"
        taken = {*self.filter(slug__startswith=base).values_list("slug", flat=True), *PAGES}
        return next(slug for n in range(1, len(taken) + 3) if (slug := base if n == 1 else f"{base}-{n}") not in taken)


class Flow(models.Model):
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=100, unique=True)
    room = models.CharField(max_length=20, choices=Room, default=Room.DESIGNER)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now_add=True)
    concurrency = models.PositiveIntegerField(null=True)  # runs at the same time, as the revision says that is called
    head = models.ForeignKey("Revision", null=True, on_delete=models.PROTECT, related_name="+")  # the draft
    published = models.ForeignKey("Revision", null=True, on_delete=models.PROTECT, related_name="+")

    objects = FlowManager()

    class Meta:
        ordering = ["-changed_at"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        if self.room in (Room.PLAYGROUND, Room.BATCH):
            return reverse(f"{self.room}:of_flow", args=[self.slug])
        return reverse("designer:show", args=[self.slug])

    @property
    def current(self) -> Revision:
        """The draft: the revision that is edited, and that runs from the designer execute."""
        if self.head is None:
            raise Revision.DoesNotExist(f"Flow {self.slug} has no revision.")
        return self.head

    @property
    def called_revision(self) -> Revision:
        """What API, command line and other flows run: the published revision, or the draft while there is none."""
        revision = self.published or self.current
        revision.flow = self
        return revision

    @property
    def published_words(self) -> str:
        """What callers get, beside the draft."""
        if self.published is None:
            return "Never published: API, command line and subflows run this draft"
        return f"r{self.published.number} is published"

    @property
    def is_in_designer(self) -> bool:
        return self.room == Room.DESIGNER

    @property
    def has_unpublished_changes(self) -> bool:
        return self.published_id is not None and self.published_id != self.head_id

    @transaction.atomic
    def commit(
        self, document: Document, *, by: User | None, base: int, note: str = "", takes_back: int | None = None
    ) -> Revision:
        """Makes `document` the current revision if `base` (a revision number) still is; else raises Conflict.

        `takes_back` is the key of the revision whose change it undoes among those of others.
        """
        newest = self.revisions.aggregate(newest=models.Max("number"))["newest"] or 0
        revision = self.revisions.create(
            number=newest + 1,
            document=self.store_secrets(document).to_json(),
            parent=self.find_revision(base),
            created_by=by,
            note=note,
            takes_back_id=takes_back,
        )
        self.move_head(revision, base=base)
        return revision

    def store_secrets(self, document: Document) -> Document:
        """The document with its literal secrets in encrypted storage instead."""
        kept: list[FlowSecret] = []

        def store(value: str) -> dict[str, str]:
            kept.append(FlowSecret(flow=self, key=f"s{secrets.token_hex(6)}", value=Secret(value)))
            return {"secret": kept[-1].key}

        changed = replace_literals(document, store, Flow.objects.secret_inputs)
        FlowSecret.objects.bulk_create(kept)
        return changed

    def find_revision(self, base: int) -> Revision:
        """The revision of this number. Raises Conflict when there is none, as for any other that is not current."""
        found = self.revisions.filter(number=base).defer("document").first()
        if found is None:
            raise Conflict(self.current)
        return found

    def undo(self, *, base: int) -> Revision:
        """Goes back to the revision before; the one left stays for redo."""
        parent = self.find_revision(base).parent or self.current
        self.move_head(parent, base=base)
        return parent

    def redo(self, *, base: int) -> Revision:
        """Goes forward to the newest revision that was made from this one; one that took back another is none."""
        children = self.find_revision(base).children.filter(takes_back=None)
        child = children.order_by("-number").first() or self.current
        self.move_head(child, base=base)
        return child

    @transaction.atomic
    def remove(self) -> None:
        """Takes flow and runs from everybody at once, and erases its secrets; the engine deletes the rest bit by bit.

        Its slug is free for another.
        """
        self.secrets.all().delete()
        self.pins.all().delete()
        # No slug that is made from a name has capitals.
        Flow.objects.filter(pk=self.pk).update(room=Room.DELETED, slug=f"DELETED-{self.pk}")

    @transaction.atomic
    def delete_with_revisions(self) -> None:
        """Deletes a flow that has no runs, and its revisions, which protect each other against anything less."""
        Flow.objects.filter(pk=self.pk).update(head=None, published=None)
        self.publications.all().delete()
        self.revisions.update(parent=None, takes_back=None)
        self.revisions.only("pk").delete()
        self.delete()

    def move_head(self, to: Revision, *, base: int) -> None:
        now, document = timezone.now(), to.unchecked_document
        name = str(document.json.get("name", self.name))[:200]
        of_draft = models.Case(
            models.When(published=None, then=models.Value(document.concurrency, models.PositiveIntegerField())),
            default="concurrency",
        )
        with transaction.atomic():
            moved = Flow.objects.filter(pk=self.pk, head__number=base).update(
                head=to, name=name, changed_at=now, concurrency=of_draft
            )
            if not moved:
                raise Conflict(Flow.objects.select_related("head__created_by").get(pk=self.pk).current)
        self.head, self.name, self.changed_at = to, name, now


class RevisionManager(models.Manager["Revision"]):
    def without_documents(self, keys: Collection[int]) -> dict[int, Revision]:
        """By key. Their documents are read when this process has not parsed them before."""
        found = f"SELECT id, created_at FROM {table(Revision)} WHERE id IN {placeholders(keys)}"  # noqa: S608 - names of our own, values are bound
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
    takes_back = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")  # see history.py

    objects = RevisionManager()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["flow", "number"], name="one_revision_a_number")]

    def __str__(self) -> str:
        return f"{self.flow_id} r{self.number}"

    @property
    def unchecked_document(self) -> Document:
        """What is stored, though it may be broken; empty where it is not even an object."""
        return Document(self.document if isinstance(self.document, dict) else {})

    def parsed(self) -> Document:
        """The document as a tree. Raises DocumentError when what is stored is broken.

        One that was parsed a while ago is not even read when it was deferred.
        """
        return self._parsed().document

    def hidden_inputs(self) -> Hidden:
        """Inputs that are kept encrypted and shown masked. Raises DocumentError."""
        return self._parsed().hidden_inputs

    def _parsed(self) -> ParsedRevision:
        known = parsed_revisions.get((self.pk, self.created_at))
        if known is None:
            known = parsed_revisions[self.pk, self.created_at] = ParsedRevision(parse(self.document))
            while len(parsed_revisions) > MOST_PARSED:
                parsed_revisions.pop(next(iter(parsed_revisions)), None)
        return known
