"""Connections to models, databases and vaults: a name, an address, and what signs in there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from connections.endpoint.endpoint import Endpoint, EndpointError
from connections.endpoint.recognise import parse_endpoint
from connections.fields import KeyUnreadable, SecretField, UnreadableSecret
from connections.foundry.diagnosis import TestResult
from connections.foundry.values import Header, Identity, Limits, ListedDeployment, Target, WhenReached
from connections.kinds.address import AddressError, DataAddress, read_address
from connections.kinds.base import ConnectionKind, DataTarget, SignInCheck
from connections.kinds.foundry import FOUNDRY
from connections.kinds.registry import KINDS
from connections.secret import Secret


def no_secret() -> Secret:
    return Secret("")


class Auth(models.TextChoices):
    """How a connection says who calls."""

    KEY = "key", "API key"
    CLIENT_SECRET = "client_secret", "Client secret"
    CERTIFICATE = "certificate", "Certificate"
    MANAGED_IDENTITY = "managed_identity", "Managed identity of this server"
    AZURE_CLI = "azure_cli", "Azure command line of this server"


OWN_IDENTITIES = (Auth.MANAGED_IDENTITY, Auth.AZURE_CLI)  # identities of this server
WHEN_REACHED_CHOICES = [
    (WhenReached.WAIT.value, "Calls wait"),
    (WhenReached.FAIL.value, "Calls fail"),
    (WhenReached.SPILL.value, "Calls go to another connection"),
]


@dataclass(frozen=True)
class CheckOutcome:
    """What a test of a connection said."""

    at: datetime
    ok: bool
    status: int | None = None  # of HTTP
    kind: str = ""  # of the error
    ms: float | None = None

    @classmethod
    def of(cls, result: TestResult | SignInCheck) -> CheckOutcome:
        return cls(timezone.now(), result.ok, result.status, result.kind, result.latency_ms)


MOST_LISTED = 500  # deployments that are kept of a list
CHECK_FIELDS = ["checked_at", "check_ok", "check_status", "check_kind", "check_ms", "checked_by_run"]


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def foundry(self) -> ConnectionQuerySet:
        """Those that answer prompts."""
        return self.filter(kind=FOUNDRY.name)


class Connection(models.Model):
    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20, default=FOUNDRY.name)  # of KINDS
    endpoint = models.CharField(max_length=2_048)  # canonical, as parse_endpoint gives it, or DataAddress.url
    user_name = models.CharField(max_length=200, blank=True)  # of a database
    key = SecretField()  # or the password of that user
    key_changed_at = models.DateTimeField(default=timezone.now)
    key_changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    auth = models.CharField(max_length=20, choices=Auth, default=Auth.KEY)
    tenant_id = models.CharField(max_length=100, blank=True)
    client_id = models.CharField(max_length=100, blank=True)
    identity_secret = SecretField(default=no_secret)  # client secret, or certificate and its key as PEM
    identity_password = SecretField(default=no_secret)  # of the certificate
    key_header = models.CharField(max_length=100, blank=True)  # empty: as the kind of endpoint wants it
    token_scope = models.CharField(max_length=200, blank=True)  # for a gateway; empty: as the kind of endpoint wants it
    extra_header = models.CharField(max_length=100, blank=True)
    extra_header_value = SecretField(default=no_secret)  # empty: the key
    default_model = models.CharField(max_length=200, blank=True)  # deployment that a test calls
    slot = models.PositiveSmallIntegerField(default=1)  # of its two keys the one in use; KeySlot has the other
    switched_at = models.DateTimeField(null=True)  # since when the other key is only watched, until it is retired
    remind_after_days = models.PositiveSmallIntegerField(null=True)  # 0: never; null: as the server's setting says
    max_calls = models.PositiveIntegerField(null=True)  # at the same time
    requests_per_minute = models.PositiveIntegerField(null=True)
    tokens_per_minute = models.PositiveIntegerField(null=True)
    tokens_per_day = models.PositiveIntegerField(null=True)  # by UTC
    when_reached = models.CharField(max_length=10, choices=WHEN_REACHED_CHOICES, default=WhenReached.WAIT.value)
    spill_over_to = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    checked_at = models.DateTimeField(null=True)
    check_ok = models.BooleanField(null=True)
    check_status = models.PositiveIntegerField(null=True)
    check_kind = models.CharField(max_length=40, blank=True)
    check_ms = models.FloatField(null=True)
    checked_by_run = models.BooleanField(default=False)  # it answered a call of a run; else a test said so
    listed = models.JSONField(default=dict)  # what its service last listed: {"endpoint", "without_embeddings": [names]}

    objects = ConnectionQuerySet.as_manager()
    secrets_known_by = "name"

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def kind_of(self) -> ConnectionKind:
        return KINDS[self.kind]

    @property
    def is_foundry(self) -> bool:
        return self.kind == FOUNDRY.name

    @property
    def address(self) -> DataAddress | None:
        """Of a database or a vault; None when what is stored is no address any more."""
        try:
            return read_address(self.endpoint)
        except AddressError:
            return None

    @property
    def parsed(self) -> Endpoint | None:
        """None when what is stored is no endpoint any more; the page then asks for it anew."""
        try:
            return parse_endpoint(self.endpoint)
        except EndpointError:
            return None

    @property
    def needs_deployment(self) -> bool:
        """Whether a call names one: an agent has its own model."""
        return self.is_foundry and not (self.parsed and self.parsed.is_agent)

    @property
    def host(self) -> str:
        if not self.is_foundry:
            return self.address.place if self.address else "unknown host"
        return self.parsed.host if self.parsed else "unknown host"

    @property
    def label(self) -> str:
        if not self.is_foundry:
            return self.kind_of.label
        return self.parsed.label if self.parsed else "Endpoint not recognised"

    @property
    def auth_label(self) -> str:
        if self.auth != Auth.KEY:
            return f"Microsoft Entra ID, {Auth(self.auth).label.lower()}"
        if self.is_foundry:
            return "API key"
        return "Password" if self.kind_of.sign_ins else "None"

    @property
    def key_readable(self) -> bool:
        """Whether everything secret can be decrypted."""
        return not any(isinstance(value, UnreadableSecret) for value in self.secrets)

    @property
    def secrets(self) -> tuple[Secret | UnreadableSecret, ...]:
        return self.key, self.identity_secret, self.identity_password, self.extra_header_value

    @property
    def fingerprint(self) -> str:
        secret = self.key if self.auth == Auth.KEY else self.identity_secret
        return secret.fingerprint if isinstance(secret, Secret) and secret else ""

    def target(self) -> Target:
        """What the client needs. Raises KeyUnreadable, EndpointError."""
        if not self.key_readable:
            raise KeyUnreadable
        endpoint = parse_endpoint(self.endpoint)
        return Target(
            self.name,
            endpoint,
            self.key,
            None if self.auth == Auth.KEY else self._identity_for(endpoint.authority),
            self.key_header,
            Header(self.extra_header, self.extra_header_value) if self.extra_header else None,
            self.limits,
            slot=self.slot,
            account=f"connection {self.pk}",
            token_scope=self.token_scope,
        )

    def data_target(self) -> DataTarget:
        """What the client of a database or a vault needs. Raises KeyUnreadable, AddressError."""
        if not self.key_readable:
            raise KeyUnreadable
        address = read_address(self.endpoint)
        family = self.kind_of.family_of(address.host)
        identity = None if self.auth == Auth.KEY else self._identity_for(family.authority if family else "")
        return DataTarget(self.name, self.kind, address, self.user_name, self.key, identity)

    @property
    def limits(self) -> Limits | None:
        found = Limits(
            self.max_calls,
            self.requests_per_minute,
            self.tokens_per_minute,
            self.tokens_per_day,
            WhenReached(self.when_reached),
            self.spill_over_to.name if self.spill_over_to else "",
        )
        return found if found.any else None

    def _identity_for(self, authority: str) -> Identity:
        return Identity(
            self.auth,
            self.tenant_id,
            self.client_id,
            self.identity_secret,
            self.identity_password,
            authority,
        )

    def note_check(self, check: CheckOutcome | None) -> None:
        """What a test has said; None when nothing is known. Stores nothing."""
        self.checked_by_run = False
        self.checked_at, self.check_ok = (check.at, check.ok) if check else (None, None)
        self.check_status, self.check_ms = (check.status, check.ms) if check else (None, None)
        self.check_kind = check.kind if check else ""

    def record_check(self, result: TestResult | SignInCheck) -> None:
        self.note_check(CheckOutcome.of(result))
        self.save(update_fields=CHECK_FIELDS)
        if isinstance(result, TestResult) and result.deployments is not None and result.better is None:
            self.record_list(result.deployments)

    def record_list(self, deployments: Iterable[ListedDeployment]) -> None:
        """Keeps what its service lists, as far as lint asks for it."""
        names = [each.name for each in deployments if each.embeds is False][:MOST_LISTED]
        listed = {"endpoint": self.endpoint, "without_embeddings": names}
        if listed != self.listed:
            self.listed = listed
            self.save(update_fields=["listed"])

    @property
    def without_embeddings(self) -> frozenset[str]:
        """Deployments that make none, as its service listed them at its address of now."""
        is_current = self.listed.get("endpoint") == self.endpoint
        return frozenset(self.listed.get("without_embeddings", ())) if is_current else frozenset()

    @property
    def call_digest(self) -> str:
        """Tells whether two connections make the same calls: of everything but names, limits and reminders."""
        parts = [self.kind, self.endpoint, self.user_name, self.auth, self.tenant_id, self.client_id, self.key_header]
        hidden = [secret.reveal() if isinstance(secret, Secret) else "" for secret in self.secrets]
        text = json.dumps([*parts, self.extra_header, self.token_scope, *hidden])
        return salted_hmac("connections.call", text, algorithm="sha256").hexdigest()


class CheckRound(models.Model):
    """A test of many connections, one after the other; at most one at a time."""

    running = models.BooleanField(null=True, default=True, unique=True)  # None when it has ended
    is_stopping = models.BooleanField(default=False)
    started_at = models.DateTimeField(auto_now_add=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    seen_at = models.DateTimeField(default=timezone.now)  # by the process that tests
    states = models.JSONField(default=dict)  # RoundState by the number of the connection

    def __str__(self) -> str:
        return f"round {self.pk}"


class KeySlot(models.Model):
    """One of the two places for a key of a connection. The key in use stands in the connection, the other one here."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="slots")
    number = models.PositiveSmallIntegerField()  # 1 or 2
    secret = SecretField(default=no_secret)
    stored_for = models.CharField(max_length=300, blank=True)  # sign-in and origin; it goes to no other
    stored_at = models.DateTimeField(null=True)
    stored_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    verified_at = models.DateTimeField(null=True)
    verified_as = models.CharField(max_length=500, blank=True)  # what the test found, as a sentence
    is_verified = models.BooleanField(default=False)
    last_used_at = models.DateTimeField(null=True)

    secrets_known_by = "connection__name"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "number"], name="one_slot_a_number")]

    def __str__(self) -> str:
        return f"key {self.number} of {self.connection_id}"


class KeyUse(models.Model):
    """Calls of one minute with the key of a slot."""

    slot = models.ForeignKey(KeySlot, on_delete=models.CASCADE, related_name="uses")
    minute = models.DateTimeField()
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["slot", "minute"], name="one_use_a_minute")]

    def __str__(self) -> str:
        return f"{self.slot_id} at {self.minute:%H:%M}"


class LimitAccount(models.Model):
    """What limits are counted by: a stored connection, or one that runs make again and again."""

    name = models.CharField(max_length=400, unique=True)  # Target.account

    def __str__(self) -> str:
        return self.name


class ConnectionCall(models.Model):
    """A call of the last minute, or one that is going, of a connection with limits."""

    account = models.ForeignKey(LimitAccount, on_delete=models.CASCADE, related_name="calls")
    began = models.FloatField()  # seconds since the epoch
    going_until = models.FloatField()
    tokens = models.PositiveIntegerField()  # reserved, later used

    class Meta:
        indexes = [models.Index(fields=["account", "began"])]

    def __str__(self) -> str:
        return f"{self.account_id} at {self.began:.0f}"


class ConnectionDay(models.Model):
    """Tokens of a connection with limits on one day, by UTC."""

    account = models.ForeignKey(LimitAccount, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    tokens = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "day"], name="one_count_a_day")]

    def __str__(self) -> str:
        return f"{self.account_id} on {self.day}"


class LearntLesson(models.Model):
    """What a deployment refuses and what is sent instead, as the service said it."""

    endpoint = models.CharField(max_length=2_048)  # canonical
    model = models.CharField(max_length=200, blank=True)
    parameter = models.CharField(max_length=100)
    value = models.CharField(max_length=100, blank=True)
    instead = models.CharField(max_length=2_100, blank=True)
    message = models.TextField(blank=True)  # raw and masked
    learned_at = models.DateTimeField()

    class Meta:
        ordering = ["model", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "model", "parameter", "value"], name="one_lesson_about_a_thing")
        ]

    def __str__(self) -> str:
        return f"{self.model}: {self.parameter}"


class SeenLimits(models.Model):
    """The rate limits of a deployment as its newest answer told them."""

    endpoint = models.CharField(max_length=2_048)  # canonical
    model = models.CharField(max_length=200, blank=True)
    told = models.JSONField()  # {requests: {limit, remaining, reset}, tokens: ...}, as the headers say
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["model"]
        indexes = [models.Index(fields=["-seen_at"], name="limits_by_age")]
        constraints = [models.UniqueConstraint(fields=["endpoint", "model"], name="limits_of_a_deployment")]

    def __str__(self) -> str:
        return self.model
