"""Which revision others run: published by a conditional update, kept as long as it may be needed."""

from datetime import timedelta

import pytest
from django.db.models import ProtectedError
from django.utils import timezone

from flows.engine import deletion
from flows.models import Flow, Publication, PublishedMeanwhile, Revision, Run, State
from tests.factories import make_flow, make_run

pytestmark = pytest.mark.django_db


def edit(flow, **settings):
    document = flow.current.parsed()
    changed = document.with_settings(**settings) if settings else document.with_name(f"{document.name}!")
    return flow.commit(changed, by=None, base=flow.current.number)


def publish(flow, revision=None, instead_of=None):
    revision = revision or flow.current
    revision.flow = flow
    return Publication.objects.publish(revision, instead_of=instead_of, by=None)


def test_the_draft_is_called_until_something_is_published():
    flow = make_flow()
    edit(flow)
    assert flow.called_revision == flow.current
    publish(flow)
    first = flow.current
    edit(flow)
    assert (flow.called_revision, flow.current.number) == (first, 3)
    found = Flow.objects.by_slug({flow.slug})[flow.slug]
    assert (found.called_revision, found.current) == (first, flow.current)
    assert found.has_unpublished_changes


def test_of_two_who_publish_at_once_the_second_is_told():
    flow = make_flow()
    first = publish(flow).revision
    second = edit(flow)
    publish(flow, second, instead_of=first.pk)
    with pytest.raises(PublishedMeanwhile):
        publish(flow, edit(flow), instead_of=first.pk)
    assert Flow.objects.get().published == second
    assert [each.revision for each in Publication.objects.all()] == [second, first]


def test_how_many_run_at_once_is_what_the_published_revision_says():
    flow = make_flow()
    edit(flow, concurrency=2)
    assert Flow.objects.get().concurrency == 2
    publish(flow)
    edit(flow, concurrency=7)
    flow.undo(base=3)
    flow.redo(base=2)
    assert Flow.objects.get().concurrency == 2
    publish(flow, instead_of=flow.published_id)
    assert Flow.objects.get().concurrency == 7


def test_a_run_knows_whether_it_got_the_published_revision():
    flow = make_flow()
    assert make_run(flow, question="x").published is False
    publish(flow)
    published = Run.objects.start(flow=flow, revision=flow.called_revision, inputs={}, by=None, via="api")
    edit(flow)
    draft = make_run(flow, question="x")
    assert (published.published, draft.published) == (True, False)
    publish(flow, instead_of=flow.published_id)
    again = Run.objects.start_again(published, by=None, via="api")
    assert (again.revision, again.published) == (published.revision, True)


def test_retention_leaves_what_is_published_and_what_a_run_needs(monkeypatch):
    flow = make_flow()
    published = publish(flow).revision
    edit(flow)
    old, live = make_run(flow, question="x"), make_run(flow, question="x")
    ages = timezone.now() - timedelta(days=400)
    Run.objects.filter(pk=old.pk).update(state=State.SUCCEEDED, created_at=ages, ended_at=ages)
    month = timezone.now() - timedelta(days=30)
    monkeypatch.setattr(deletion, "expired_runs", lambda: deletion.runs_ended_before(month))
    deletion.delete_all()
    assert list(Run.objects.all()) == [live]
    assert flow.revisions.count() == 2
    for needed in (published, live.revision):
        with pytest.raises(ProtectedError):
            Revision.objects.get(pk=needed.pk).delete()


def test_a_removed_flow_goes_with_what_was_published():
    flow = make_flow()
    publish(flow)
    edit(flow)
    flow.remove()
    deletion.delete_all()
    assert not Flow.objects.exists()
    assert not Publication.objects.exists()
