"""Every address of the product, and an example for each of its parameters.

A new address with parameters needs an example: one line in `examples_of`. Tests that walk all addresses
(`test_roles.py`, `test_private.py`, `foundryflow/test_nasty_values.py`) fail until it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from flows.batch.lifecycle import BatchPlan, create_batch
from flows.batch.variants import Variant
from flows.models.budget import Budget
from flows.pricing.models import ModelPrice
from foundryflow.models import ApiKey, ApiScope, AuditEntry, Invitation
from foundryflow.roles import Role
from tests.factories import make_connection, make_flow
from tests.factories import make_run as make_flow_run
from tests.playground.session_factory import PIXEL, make_answer, make_run, make_session, make_turn

Examples = Mapping[str, Mapping[str, Any]]


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every route as it is written, with what answers to it."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        else:
            yield route, entry


def address_of(route: str, examples: Examples, **other: Any) -> str:
    """The route with its examples: those of the longest beginning that it has. `other` takes their place."""
    start = max((each for each in examples if route.startswith(each)), key=len, default="")
    values = {**examples.get(start, {}), **other}
    missing = sorted(set(re.findall(r"<(?:\w+:)?(\w+)>", route)) - set(values))
    line = ", ".join(f'"{name}": …' for name in missing)
    assert not missing, (
        f"The address {route} has no example for {', '.join(missing)}: add a line such as"
        f' "{route.partition("<")[0]}": {{{line}}} to examples_of in tests/addresses.py.'
    )
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found[1]]), route)


def examples_of(owner: User) -> Examples:
    """What everybody may see, and a session and a batch of the owner: where an address begins, its parameters."""
    flow, connection = make_flow(), make_connection("other")
    run = make_flow_run(flow, question="x")
    guest, _ = User.objects.get_or_create(username="guest@contoso.example", email="guest@contoso.example")
    key, _ = ApiKey.objects.issue("example", [ApiScope.READ], by=owner)
    invitation = Invitation.objects.create(
        email="hana@contoso.example", role=Role.READER, digest="x", expires_at=timezone.now() + timedelta(hours=1)
    )
    return {
        "account/": {"pk": 1},
        "api-keys/": {"pk": key.pk},
        "audit-log/": {"pk": AuditEntry.objects.create(verb="changed", subject="x").pk},
        "join/": {"secret": "x"},
        "login/": {"provider_id": "oidc"},
        "password/": {"secret": "x"},
        "people/": {"pk": guest.pk},
        "people/invitations/": {"pk": invitation.pk},
        "system/": {"kind": "runs"},
        "api/connections/": {"name": connection.name},
        "api/flows/": {"slug": flow.slug},
        "api/runs/": {"run_id": run.pk},
        "connections/": {"pk": connection.pk},
        "flows/": {"slug": flow.slug, "action_id": "chat", "verb": "up", "pk": run.pk},
        "playground/prices/": {"pk": ModelPrice.objects.create(pattern="x", input=1, output=2).pk},
        "runs/": {"pk": run.pk},
        "usage/budgets/": {"pk": Budget.objects.create(subject="customer", name="7", amount=1_000).pk},
        **own_examples_of(owner),
    }


def own_examples_of(owner: User) -> Examples:
    """What nobody but its owner sees: everything of a session and of a batch that are not shared."""
    session = make_session(owner, columns=[{}, {"model": "gpt-4o-mini"}])
    session.versions.create(number=1, setup=session.setup, created_by=owner)
    turn = make_turn(session, images=[PIXEL])
    answer = make_answer(turn)
    run = make_run(session, answer)
    variant = Variant.of(session.setup_of(0), "{{ question }}", [], ["question"], {"tone": "calm"})
    rows = [{"question": "Why?"}]
    batch = create_batch(BatchPlan("Batch", session, [variant], [], ["question"], rows, [], 1), by=owner)
    return {
        "batches/<": {"pk": batch.pk},
        "batches/cells/": {"pk": batch.cells.get().pk},
        "batches/of/": {"slug": batch.flow.slug},
        "playground/<": {"pk": session.pk, "number": 1, "verb": "add"},
        "playground/answers/": {"pk": answer.pk, "verb": "choose"},
        "playground/of/": {"slug": run.flow.slug},
        "playground/open/": {"pk": run.pk},
        "playground/turns/": {"pk": turn.pk, "name": "0", "verb": "again"},
    }


def private_examples_of(owner: User) -> Examples:
    """Those, and addresses of runs and flows that lead to what is below them."""
    own = own_examples_of(owner)
    run, slug = own["playground/open/"]["pk"], own["playground/of/"]["slug"]
    return {
        **own,
        "api/flows/": {"slug": slug},
        "api/runs/": {"run_id": run},
        "flows/": {"slug": slug, "action_id": "chat", "verb": "up", "pk": run},
        "runs/": {"pk": run},
    }
