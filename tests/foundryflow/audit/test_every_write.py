"""Every view that runners, editors or administrators post to leaves an entry in the audit log, and no secret in it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Sum
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from connections.check_rounds import create_round
from connections.models import LearntLesson
from connections.secret import Secret
from flows.interpreter.checkpoint import pack_outcome
from flows.interpreter.journal import ActionFinished
from flows.interpreter.options import PinnedAction, pack_pins
from flows.models import ActionRun, Checkpoint, Pin, Run, SavedInputs
from foundryflow.access import Access
from foundryflow.models import AuditEntry
from tests.batch.conftest import make_batch, session
from tests.batch.test_batch_views import answered
from tests.factories import PLANTED_KEY
from tests.foundryflow.audit.world import SECOND, World

__all__ = ["make_batch", "session"]

pytestmark = pytest.mark.django_db
MARKED = (Access.RUNNER, Access.EDITOR, Access.ADMINISTRATOR)
TYPED_SECRET = "planted-typed-secret-9e1f"
SECRETS = (PLANTED_KEY, SECOND, TYPED_SECRET)

# Views that leave none, and why.
EXEMPT = {
    "connections:recognise": "Reads what is being typed, and stores nothing.",
    "designer:try_code": "Calls what is being typed where it can reach nothing; keeps what it was tried with for that person.",
    "batch:preview": "Reads the table that is being typed, and stores nothing.",
}
BUDGET = {"subject": "customer", "name": "Fabrikam", "amount": "9", "currency": "", "period": "month",
          "when_spent": "wait", "spill_over_to": ""}  # fmt: skip
PRICE = {"pattern": "gpt-5", "input": "1", "cached_input": "", "output": "2", "currency": "USD"}
DOCUMENT = b'{"format": "foundryflow/1", "name": "From a file", "inputs": [], "actions": []}'
TABLE = "question\nWhy?\nWho?"
Posted = tuple[tuple[Any, ...], dict[str, Any]]  # arguments of the address, and the form
Example = Callable[[World], Posted]


def of_connection(world: World, **form: Any) -> Posted:
    return (world.connection.pk,), form


def of_flow(world: World, *more: Any, **form: Any) -> Posted:
    return (world.flow.slug, *more), {"base": "1", **form}


def new_connection(world: World, **more: Any) -> dict[str, Any]:
    address = f"{world.simulator}/openai/v1"
    return {"name": "fresh", "key": TYPED_SECRET, "endpoint": address, "default_model": "", "model": "fast", **more}


def lesson(world: World) -> Posted:
    fields = {"model": "fast", "parameter": "max_tokens", "learned_at": timezone.now()}
    return of_connection(world, lesson=LearntLesson.objects.create(endpoint=world.connection.endpoint, **fields).pk)


def chat_properties(world: World) -> Posted:
    stored = world.flow.current.parsed().find("chat").properties
    shown = {name: "" if value is None else value for name, value in stored.items()}
    return of_flow(world, "chat", title="Answer", **{**shown, "user_prompt": "Why {{ question }}"})


def use_in_flow(world: World) -> Posted:
    made = world.session()
    page = world.client.get(f"{reverse('playground:use', args=[made.pk])}?new=1").context["page"]
    return (made.pk,), {"name": "From the playground", "reviewed": page.preview.digest}


def ended_batch(world: World) -> Any:
    batch = world.make_batch(2)
    answered(batch, "good", None)
    return batch


def stopped_batch(world: World) -> Any:
    batch = world.make_batch(2)
    world.client.post(reverse("batch:stop", args=[batch.pk]))
    return batch


def after(step: Callable[[World], Any], then: Example) -> Example:
    def prepare(world: World) -> Posted:
        step(world)
        return then(world)

    return prepare


def run_with_call(world: World) -> Posted:
    run = world.failed_run()
    world.add_call(run)
    return (run.pk,), {}


# What each view is posted to be successful; a query goes with the name of the example.
COPIED = '{"format": "foundryflow-actions/1", "actions": [{"id": "w", "type": "wait", "properties": {}}]}'
TYPED_INPUTS = {"asked": "1", "input-question": "Why?"}


def pin_of(flow: Any) -> Pin:
    content = pack_pins({"chat": PinnedAction(1, {"": ActionFinished("", 1, "Because.")})})
    return Pin(flow=flow, action_id="chat", title="Answer", run_number=1, count=1, above="x", content=Secret(content))


def pinned(world: World) -> Posted:
    run = Run.objects.start(flow=world.flow, inputs={"question": "Why?"}, by=None, via="designer")
    done = ActionFinished("chat", 1, "Because.")
    fields = {"path": "chat", "action_id": "chat", "type": "chat_completion", "title": "Answer"}
    ActionRun.objects.create(run=run, **fields, state="succeeded", event=1, order=1)
    Checkpoint.objects.create(run=run, path="chat", plain=pack_outcome(done).text)
    return of_flow(world, "chat")


EXAMPLES: dict[str, Example] = {
    "flows:new": lambda world: ((), {"name": "Fresh"}),
    "flows:import": lambda world: ((), {"file": SimpleUploadedFile("flow.json", DOCUMENT)}),
    "flows:sample": lambda world: ((), {}),
    "flows:duplicate": lambda world: ((world.flow.slug,), {}),
    "flows:delete": lambda world: ((world.flow.slug,), {}),
    "revisions:publish": lambda world: ((world.flow.slug,), {"r": "1", "instead_of": "", "note": "First"}),
    "revisions:publish_again": after(World.publish_twice, lambda world: ((world.flow.slug,), {"r": "1", "instead_of": "2"})),
    "revisions:restore": after(World.edit_flow, lambda world: of_flow(world, r="1", base="2")),
    "designer:undo": after(World.edit_flow, lambda world: ((world.flow.slug,), {"base": "2"})),
    "designer:redo": after(World.undo_edit, lambda world: of_flow(world)),
    "designer:insert": lambda world: of_flow(world, type="wait", at="0", owner="", branch=""),
    "designer:paste": lambda world: of_flow(world, text=COPIED),
    "designer:save_inputs": lambda world: of_flow(world, name="Renamed"),
    "designer:save_properties": chat_properties,
    "designer:take_over": lambda world: (
        (world.request_flow().slug, "ask"),
        {"base": "1", "text": f"curl https://api.contoso.com -u ann:{TYPED_SECRET}"},
    ),
    "designer:change": lambda world: of_flow(world, "chat", "toggle"),
    "designer:run_in_place": lambda world: of_flow(world, **TYPED_INPUTS, anyway="1"),
    "designer:stop_run": lambda world: of_flow(world, world.live_run().pk),
    "designer:save_inputs_as": lambda world: of_flow(world, **TYPED_INPUTS, inputs_name="One"),
    "designer:delete_inputs": lambda world: of_flow(
        world, saved=str(SavedInputs.objects.create(flow=world.flow, name="One").pk)
    ),
    "designer:pin": pinned,
    "designer:unpin": after(lambda world: pin_of(world.flow).save(), lambda world: of_flow(world, "chat")),
    "runs:start": lambda world: ((world.flow.slug,), {"asked": "1", "input-question": "Why?", "anyway": "1"}),
    "runs:cancel": lambda world: ((world.live_run().pk,), {}),
    "runs:retry": lambda world: ((world.failed_run().pk,), {"anyway": "1"}),
    "runs:retry_iterations": lambda world: ((world.run_over_many().pk,), {"loop": "each", "anyway": "1"}),
    "usage:budget_new": lambda world: ((), BUDGET),
    "usage:budget": lambda world: (((pk := world.budget().pk),), {f"budget-{pk}-{k}": v for k, v in BUDGET.items()}),
    "usage:budget_delete": lambda world: ((world.budget().pk,), {}),
    "playground:price_new": lambda world: ((), PRICE),
    "playground:price": lambda world: (((pk := world.price().pk),), {f"price-{pk}-{k}": v for k, v in PRICE.items()}),
    "playground:price_delete": lambda world: ((world.price().pk,), {}),
    "playground:new": lambda world: ((), {}),
    "playground:save": lambda world: ((world.session().pk,), {"instructions": "Be calm."}),
    "playground:ask": lambda world: ((world.session().pk,), {"prompt": "Why?"}),
    "playground:compare": lambda world: ((world.session().pk,), {}),
    "playground:stop": lambda world: ((world.asked_session().pk,), {}),
    "playground:column": lambda world: ((world.session().pk, "add"), {}),
    "playground:turn": lambda world: ((world.turn().pk, "delete"), {}),
    "playground:answer": lambda world: ((world.answer().pk, "again"), {}),
    "playground:open_action": run_with_call,
    "playground:use": use_in_flow,
    "batch:new": lambda world: (
        (), {"variant": ["0"], "prompt": "Answer: {{ question }}", "name": "Many", "table": TABLE, "concurrency": "20"}
    ),
    "batch:stop": lambda world: ((world.make_batch(2).pk,), {}),
    "batch:resume": lambda world: ((stopped_batch(world).pk,), {}),
    "batch:retry": lambda world: ((ended_batch(world).pk,), {}),
    "batch:rename": lambda world: ((world.make_batch(2).pk,), {"name": "Others"}),
    "batch:share": lambda world: ((world.make_batch(2).pk,), {"shared": "1"}),
    "batch:concurrency": lambda world: ((world.make_batch(2).pk,), {"concurrency": "3"}),
    "batch:delete": lambda world: ((stopped_batch(world).pk,), {}),
    "connections:new": lambda world: ((), new_connection(world)),
    "connections:create_in_panel": lambda world: ((), new_connection(world)),
    "connections:test_new": lambda world: ((), new_connection(world)),
    "connections:edit": lambda world: (
        (world.connection.pk,), new_connection(world, name="simulator", default_model="fast")
    ),
    "connections:test": lambda world: ((world.connection.pk,), new_connection(world, name="simulator")),
    "connections:check": lambda world: of_connection(world),
    "connections:test_all": lambda world: ((), {}),
    "connections:stop_all": after(
        lambda world: create_round([world.connection.pk], world.alice), lambda world: ((), {})
    ),
    "connections:duplicate": lambda world: of_connection(world),
    "connections:forget": lesson,
    "connections:delete": after(lambda world: world.flow.remove(), lambda world: of_connection(world)),
    "connections:rotation_store": lambda world: of_connection(world, second_key=SECOND),
    "connections:rotation_verify": after(World.store_key, lambda world: of_connection(world, model="fast")),
    "connections:rotation_switch": after(World.verify_key, lambda world: of_connection(world, slot="2")),
    "connections:rotation_retire": after(World.switch_key, lambda world: of_connection(world, slot="1")),
    "connections:rotation_remind": lambda world: of_connection(world, days="30"),
    "invitations:new": lambda world: ((), {"email": "hana@contoso.example", "role": "runner"}),
    "invitations:renew": lambda world: ((world.invitation().pk,), {}),
    "invitations:withdraw": lambda world: ((world.invitation().pk,), {}),
    "people:role": lambda world: ((world.guest().pk,), {"role": "editor"}),
    "people:sign_out": lambda world: ((world.guest().pk,), {}),
    "people:reset_two_factor": lambda world: ((world.guest().pk,), {}),
    "people:password_link": lambda world: ((world.guest().pk,), {}),
    "people:deactivate": lambda world: ((world.guest().pk,), {}),
    "people:activate": lambda world: ((world.guest(is_active=False).pk,), {}),
    "playground:import": lambda world: ((), {"file": world.session_file()}),
    "playground:rename": lambda world: ((world.session().pk,), {"name": "Others"}),
    "playground:share": lambda world: ((world.session().pk,), {"shared": "1"}),
    "playground:fork": lambda world: ((world.session().pk,), {}),
    "playground:delete": lambda world: ((world.session().pk,), {"sure": "1"}),
    "playground:restore": lambda world: ((world.saved_session().pk, 1), {}),
    "system:keep": lambda world: (("audit-log",), {"days": "730"}),
}  # fmt: skip
QUERIES: dict[str, Callable[[World], str]] = {
    "playground:open_action": lambda world: "path=chat",
    "playground:use": lambda world: "new=1",
    "batch:new": lambda world: f"session={world.batch_session.pk}",
}


def walk(resolver: URLResolver, app: str = "", before: Any = None) -> list[tuple[str, URLPattern, dict[str, Any]]]:
    """The patterns by name, with that of their app, and the converters of their addresses."""
    found = []
    for entry in resolver.url_patterns:
        converters = {**(before or {}), **entry.pattern.converters}
        if isinstance(entry, URLResolver):
            found += walk(entry, entry.app_name or app, converters)
        else:
            found.append((f"{app}:{entry.name}" if app else str(entry.name), entry, converters))
    return found


def takes_post(client: Any, name: str, converters: dict[str, Any]) -> bool:
    """Asked by a method that none takes: the answer names those that it does."""
    kinds = {key: type(converter).__name__ for key, converter in converters.items()}
    values = {key: 1 if kind == "IdConverter" else "x" for key, kind in kinds.items()}
    response = client.put(reverse(name, kwargs=values))
    return response.status_code == 405 and "POST" in response["Allow"]


@pytest.fixture
def world(alice, session, make_batch, client_alice, simulator):
    return World(alice, session, make_batch, client_alice, simulator)


def test_every_marked_view_that_takes_post_has_an_example_or_a_reason(client_alice):
    marked = [(name, keys) for name, pattern, keys in walk(get_resolver()) if pattern.callback.access in MARKED]
    posted = {name for name, keys in marked if takes_post(client_alice, name, keys)}
    assert sorted(posted - {*EXAMPLES, *EXEMPT}) == sorted({*EXAMPLES, *EXEMPT} - posted) == []


def written() -> tuple[int, int]:
    """Entries, and how often they say that something was done."""
    return AuditEntry.objects.count(), AuditEntry.objects.aggregate(times=Sum("count"))["times"] or 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_leaves_an_entry_and_no_secret(world, name):
    args, form = EXAMPLES[name](world)
    query = QUERIES[name](world) if name in QUERIES else ""
    before = written()
    response = world.client.post(f"{reverse(name, args=args)}?{query}", form)
    assert response.status_code < 400, response.content.decode()[:2_000]
    assert written() > before
    entry = AuditEntry.objects.first()
    assert (entry.actor, entry.by, entry.address, entry.is_refused) == ("Alice", world.alice, "127.0.0.1", False)
    stored = json.dumps(list(AuditEntry.objects.values()), default=str)
    assert not [secret for secret in SECRETS if secret in stored]


def test_lists_of_deployments_use_the_key_too(world):
    designer = reverse("designer:deployments", args=[world.flow.slug])
    for address in (
        f"{designer}?connection=simulator&ask=1",
        f"{reverse('playground:deployments')}?connection=simulator",
    ):
        world.client.get(address)
    [entry] = AuditEntry.objects.all()
    assert (entry.subject, entry.detail, entry.count) == ("simulator", "to list its deployments", 2)
