"""Real objects that the views of the product are posted about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections.foundry.diagnosis import TestResult
from connections.models import Connection
from connections.rotation import deeds
from connections.secret import Secret
from flows.models import Budget, Flow, Iteration, Publication, Run, State
from flows.playground.models import Session
from flows.playground.versions import save_version
from flows.pricing.models import ModelPrice
from foundryflow.audit.record import Origin
from foundryflow.invitations.invite import invite
from foundryflow.models import Invitation
from foundryflow.models.audit_entry import Via
from foundryflow.roles import Role
from tests.factories import PLANTED_KEY, make_connection, make_flow, make_run
from tests.playground.session_factory import make_answer, make_session, make_turn
from tests.runs.conftest import record
from tests.runs.test_run_iterations import loop_document

SECOND = "planted-second-key-81c2"


@dataclass
class World:
    """Real objects to post about."""

    alice: Any
    batch_session: Session
    make_batch: Any
    client: Any
    simulator: str

    def __post_init__(self) -> None:
        self.connection = make_connection("simulator", endpoint=f"{self.simulator}/openai/v1", key=PLANTED_KEY)
        self.flow = make_flow(by=self.alice)
        self.origin = Origin(Via.BROWSER, self.alice, "Alice")

    def request_flow(self) -> Flow:
        action = {"id": "ask", "type": "http_request", "properties": {}}
        return make_flow({"format": "foundryflow/1", "name": "Requests", "actions": [action]}, by=self.alice)

    def fresh(self) -> Connection:
        return Connection.objects.get(pk=self.connection.pk)

    def store_key(self) -> None:
        deeds.store_second_key(self.connection, Secret(SECOND), self.origin)

    def verify_key(self) -> None:
        self.store_key()
        result = TestResult(ok=True, url="", status=200, latency_ms=1.0)
        deeds.record_verification(self.connection, result, "gpt", Secret(SECOND).fingerprint, self.origin)

    def switch_key(self) -> None:
        self.verify_key()
        deeds.switch_to(self.fresh(), 2, self.origin)
        Connection.objects.update(switched_at=timezone.now() - timedelta(minutes=20))

    def guest(self, *, is_active: bool = True) -> User:
        """Somebody else, with two-factor, who is signed in."""
        made = User.objects.create_user("guest", "guest@contoso.example", is_active=is_active)
        Authenticator.objects.create(user=made, type=Authenticator.Type.TOTP, data={})
        Client().force_login(made)
        return made

    def invitation(self) -> Invitation:
        return invite("hana@contoso.example", Role.RUNNER, self.origin)[0]

    def session_file(self) -> SimpleUploadedFile:
        exported = self.client.get(reverse("playground:export", args=[self.session().pk]))
        return SimpleUploadedFile("session.json", exported.getvalue())

    def failed_run(self, document: Any = "bar-static") -> Run:
        flow = self.flow if document == "bar-static" else make_flow(document, by=self.alice)
        run = make_run(flow, by=self.alice, **({"question": "Why?"} if document == "bar-static" else {}))
        Run.objects.filter(pk=run.pk).update(state=State.FAILED, ended_at=timezone.now(), started_at=timezone.now())
        return Run.objects.get(pk=run.pk)

    def live_run(self) -> Run:
        return make_run(self.flow, by=self.alice, question="Why?")

    def add_call(self, run: Run) -> None:
        facts = {"connection": "simulator", "prompt": [{"role": "user", "content": "Why?"}]}
        record(run, 1, "chat", timezone.now(), type="chat_completion", title="Answer", facts=facts)

    def run_over_many(self) -> Run:
        run = self.failed_run(loop_document())
        now = timezone.now()
        record(run, 1, "each", now, type="for_each", title="For each customer")
        for number in range(30):
            state = State.FAILED if number == 3 else State.SUCCEEDED
            Iteration.objects.create(run=run, loop="each", number=number, total=30, state=state, started_at=now)
        return run

    def session(self) -> Session:
        setup = {"connection": "simulator", "model": "fast", "instructions": "Be brief."}
        return make_session(self.alice, setup=setup, draft="Why?")

    def saved_session(self) -> Session:
        """With a version that says something else than what is set."""
        made = self.session()
        save_version(made, by=self.alice)
        made.setup = {**made.setup, "instructions": "Be calm."}
        made.save()
        return made

    def asked_session(self) -> Session:
        made = self.session()
        self.client.post(reverse("playground:ask", args=[made.pk]), {"prompt": "Why?"})
        return made

    def turn(self) -> Any:
        turn = make_turn(self.session())
        make_answer(turn)
        return turn

    def answer(self) -> Any:
        return self.turn().answers.get()

    def budget(self) -> Budget:
        return Budget.objects.create(subject="customer", name="Contoso", amount=1_000, when_spent="wait")

    def price(self) -> ModelPrice:
        return ModelPrice.objects.create(pattern="gpt-*", input=1, output=2)

    def edit_flow(self) -> None:
        """As if somebody had put an action in a moment ago."""
        form = {"base": "1", "type": "wait", "at": "0", "owner": "", "branch": ""}
        assert self.client.post(reverse("designer:insert", args=[self.flow.slug]), form).status_code == 302

    def publish_twice(self) -> None:
        """The first revision, and then another one."""
        for number in (1, 2):
            if number == 2:
                self.flow.commit(self.flow.current.parsed().with_name("Renamed"), by=self.alice, base=1)
            revision = self.flow.current
            Publication.objects.publish(revision, instead_of=self.flow.published_id, by=self.alice)

    def undo_edit(self) -> None:
        self.edit_flow()
        self.client.post(reverse("designer:undo", args=[self.flow.slug]), {"base": "2"})
