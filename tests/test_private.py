"""Every page about somebody's private session, batch or run x another editor: as if it were not there."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from flows.batch.models import Batch
from flows.models import Flow, Room, Run
from foundryflow.access import Access
from tests.foundryflow.test_nasty_values import ALL
from tests.playground.session_factory import make_full_session, make_run


@pytest.fixture
def private(alice):
    session = make_full_session(alice)
    run = make_run(session, session.turns.first().answers.first())
    flow = Flow.objects.create(name="b", slug="batch-b", room=Room.BATCH)
    flow.head = flow.revisions.create(number=1, document=run.revision.document)
    flow.save()
    batch = Batch.objects.create(name="B", owner=alice, flow=flow, variants=[], columns=[], concurrency=1)
    cell = batch.cells.create(row=batch.rows.create(number=1, variables={}), variant=0)
    turn = session.turns.first()
    return {
        "playground/turns/": {"pk": turn.pk, "name": "0", "verb": "again"},
        "playground/answers/": {"pk": turn.answers.first().pk, "verb": "choose"},
        "playground/open/": {"pk": run.pk},
        "playground/of/": {"slug": run.flow.slug},
        "playground/<": {"pk": session.pk, "number": 1, "verb": "add"},
        "batches/of/": {"slug": flow.slug},
        "batches/cells/": {"pk": cell.pk},
        "batches/<": {"pk": batch.pk},
        "runs/": {"pk": run.pk},
        "flows/<": {"slug": run.flow.slug, "action_id": "chat", "verb": "up"},
    }


def test_what_is_private_is_not_there_for_another_editor(private, bob):
    bob.is_staff = True
    bob.save()
    client, visited, before = Client(), 0, Run.objects.count()
    client.force_login(bob)
    for route, entry in ALL:
        values = next((values for start, values in private.items() if route.startswith(start)), None)
        if values is None or "<" not in route or entry.callback.access is Access.KEY:
            continue
        address = "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found[1]]), route)  # noqa: B023
        statuses = {client.get(address).status_code, client.post(address).status_code}
        assert statuses <= {404, 405}, (address, statuses)
        assert 404 in statuses, address
        visited += 1
    assert visited > 45
    listed = client.get("/runs/").content.decode()
    assert f"/runs/{private['runs/']['pk']}/" not in listed
    assert Run.objects.count() == before
