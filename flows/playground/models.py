"""Sessions of the playground: what was asked, what came back, and the settings it was asked with."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django.utils import timezone

from flows.models import Flow, Run, State
from flows.playground.setup import Setup
from flows.pricing.models import ModelPrice as ModelPrice  # whose table is here

MOST_COLUMNS = 3


def one_column() -> list[dict[str, Any]]:
    return [{}]


class SessionManager(models.Manager["Session"]):
    def visible_to(self, user: User) -> models.QuerySet[Session]:
        """One's own and those that others share."""
        return self.filter(Q(owner=user) | Q(shared=True))


class Session(models.Model):
    """A conversation with its settings, saved as it goes. Its calls are runs of a flow of its own."""

    name = models.CharField(max_length=200)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="playground_sessions")
    shared = models.BooleanField(default=False)  # others of the installation may look and fork
    flow = models.OneToOneField(
        Flow, null=True, on_delete=models.SET_NULL, related_name="session"
    )  # from the first call
    setup = models.JSONField(default=dict)  # Setup.to_json()
    columns = models.JSONField(default=one_column)  # for each: what it overrides of the setup, and its own `prompt`
    comparing = models.BooleanField(default=False)  # all columns are asked, else the first alone
    variables = models.JSONField(default=dict)  # as typed, by name
    draft = models.TextField(blank=True)  # the prompt that is not sent yet
    head = models.ForeignKey("Turn", null=True, on_delete=models.SET_NULL, related_name="+")  # end of the branch shown
    origin = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")  # forked from
    from_flow = models.ForeignKey(Flow, null=True, on_delete=models.SET_NULL, related_name="+")  # where it came from
    from_action = models.CharField(max_length=100, blank=True)  # and which action of it
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(default=timezone.now)

    objects = SessionManager()

    class Meta:
        ordering = ["-changed_at"]
        indexes = [models.Index(fields=["owner", "-changed_at"])]

    def __str__(self) -> str:
        return self.name

    @property
    def active_columns(self) -> list[dict[str, Any]]:
        return list(self.columns if self.comparing else self.columns[:1])

    @property
    def column_numbers(self) -> range:
        """Of the active ones."""
        return range(len(self.active_columns))

    @property
    def active_setups(self) -> list[Setup]:
        return [self.setup_of(column) for column in self.column_numbers]

    def setup_of(self, column: int) -> Setup:
        """The settings of one column: its own over those of the session."""
        overrides = self.columns[column] if column < len(self.columns) else {}
        return Setup.from_json(self.setup).with_overrides(overrides)


class Turn(models.Model):
    """One question. Turns form a tree: a second child of a turn is another branch."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="turns")
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="children")
    prompt = models.TextField()  # a template
    prompts = models.JSONField(default=dict)  # of columns that ask something else, by number
    images = models.JSONField(default=list)  # data URIs
    variables = models.JSONField(default=dict)  # the values it was asked with, by name
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.prompt[:60]


class Answer(models.Model):
    """What one column answered, in one try. The newest try goes on in the conversation unless another is chosen."""

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="answers")
    column = models.PositiveSmallIntegerField(default=0)
    number = models.PositiveSmallIntegerField(default=1)  # of the try
    chosen = models.BooleanField(default=True)  # among the tries of its column
    winner = models.BooleanField(default=False)  # among the columns, marked by a person
    edited = models.BooleanField(default=False)  # by a person
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="playground_answers")
    setup = models.JSONField(default=dict)  # the settings it was asked with
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)  # the text as Markdown, safe
    facts = models.JSONField(default=dict)  # of the call, as ActionRun.facts has them, without the prompt
    usage = models.JSONField(null=True)
    warning = models.CharField(max_length=500, blank=True)
    error = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["column", "number"]
        constraints = [
            models.UniqueConstraint(fields=["turn", "column", "number"], name="one_answer_a_try"),
            models.UniqueConstraint(
                fields=["turn", "column"], condition=Q(chosen=True), name="one_chosen_answer_a_column"
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]


class Version(models.Model):
    """The settings of a session as they were when they were used, or when somebody saved them."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    setup = models.JSONField()
    columns = models.JSONField(default=one_column)
    prompt = models.TextField(blank=True)
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["session", "number"], name="one_version_a_number")]

    def __str__(self) -> str:
        return f"{self.session_id} v{self.number}"
