"""Batches as people see them, and what they do with them."""

import asyncio
import csv
import io

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from flows.batch import export, stream
from flows.batch.figures import PassRate, figures_of
from flows.batch.lifecycle import stop_batch
from flows.batch.models import Batch, Cell, CellState
from flows.batch.progress import BatchProgress
from flows.batch.results import collect_results
from flows.batch.stream import ShownPage, read_news
from flows.engine import embedded
from flows.engine.live import hub
from flows.models import ActionRun, Flow, Room, Run, State
from flows.pricing.models import ModelPrice
from tests.factories import PLANTED_KEY
from tests.markup import one_line

pytestmark = pytest.mark.django_db

CHECKS = [{"kind": "contains", "value": "good"}, {"kind": "length", "maximum": 100}]


def answered(batch, *texts, model="thinker-1", variant=0):
    """Its runs of one variant ended with these answers, in the order of the rows; None is a failure."""
    cells = batch.cells.filter(variant=variant).order_by("row__number")
    for number, (cell, text) in enumerate(zip(cells, texts, strict=False), 1):
        failed = text is None
        state = State.FAILED if failed else State.SUCCEEDED
        error = (
            {"kind": "quota", "message": "The quota is used up.", "hint": "Wait.", "status": 429} if failed else None
        )
        ActionRun.objects.create(
            run=cell.run, path="answer", action_id="answer", type="chat_completion", title="Answer", state=state,
            event=1, order=1, output=None if failed else {"text": text}, error=error,
            facts={"first_token_ms": 100.0 * number, "total_ms": 1000.0 * number, "model": model, "finish_reason": "stop"},
            usage=None if failed else {"prompt_tokens": 10, "completion_tokens": 5, "cached_tokens": 2},
        )  # fmt: skip
        Run.objects.filter(pk=cell.run_id).update(state=state, error=error)


def show(client, batch, **query):
    return client.get(reverse("batch:show", args=[batch.pk]), query)


def test_the_page_settles_what_has_ended_and_shows_it(client_alice, make_batch):
    batch = make_batch(3, raw_checks=CHECKS)
    answered(batch, "a good answer", None)
    page = one_line(show(client_alice, batch).content.decode())
    for words in (
        "2 of 3",
        "<b>100 %</b> <small>1 of 1</small>",
        "a good answer",
        "429 · quota used up",
        "1.00 s",
        "15 tokens",
        "Contains “good”",
        "Queued",
    ):
        assert words in page, words
    assert 'hx-sse:connect="/batches/' in page


def test_a_batch_that_has_ended_is_not_followed(client_alice, make_batch):
    batch = make_batch(1)
    answered(batch, "yes")
    page = show(client_alice, batch).content.decode()
    assert "hx-sse:connect" not in page
    assert 'data-phase="ended"' in page


def test_figures_count_means_medians_tokens_and_passes(make_batch):
    batch = make_batch(4, models=("fast", "slow-2s"), raw_checks=CHECKS)
    answered(batch, "good", "bad", None, "good " * 30)
    collect_results(batch)
    first, second = figures_of(batch)
    assert dict(first.states) == {"succeeded": 3, "failed": 1}
    assert first.means == {"first_token_ms": 250.0, "total_ms": 2500.0}
    assert first.medians == {"first_token_ms": 250.0, "total_ms": 2500.0}
    assert (first.prompt_tokens, first.completion_tokens) == (30, 15)
    assert first.rates == (PassRate(2, 1, 0), PassRate(2, 1, 0))
    assert [rate.percent for rate in first.rates] == [67, 67]
    assert dict(second.states) == {"queued": 4}
    assert (second.means, second.rates[0].percent) == ({"first_token_ms": None, "total_ms": None}, None)


def test_an_odd_number_of_answers_has_one_in_the_middle(make_batch):
    batch = make_batch(3)
    answered(batch, "a", "b", "c")
    collect_results(batch)
    assert figures_of(batch)[0].medians["total_ms"] == 2000.0


def test_costs_are_known_where_somebody_said_what_a_model_costs(make_batch):
    batch = make_batch(2, models=("fast", "slow-2s"))
    answered(batch, "a", "b")
    answered(batch, "c", "d", model="other", variant=1)
    collect_results(batch)
    assert str(BatchProgress(batch).cost) == "unknown"
    ModelPrice.objects.create(pattern="thinker-*", input=1_000_000, output=2_000_000, cached_input=0)
    progress = BatchProgress(batch)
    assert [str(line.cost) for line in progress.lines] == ["$36.00", "unknown"]
    assert str(progress.cost) == "$36.00 + unknown"


def test_the_bar_is_as_long_as_what_is_done(make_batch):
    batch = make_batch(4)
    answered(batch, "a", None)
    collect_results(batch)
    assert [(part.css, part.x, part.width) for part in BatchProgress(batch).segments] == [
        ("ok", 0.0, 250.0), ("bad", 250.0, 250.0), ("mute", 500.0, 0.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("shown", "rows"),
    [("all", [1, 2, 3]), ("failed", [2]), ("checks", [3]), ("differing", [3]), ("nonsense", [1, 2, 3])],
)
def test_rows_are_filtered(client_alice, make_batch, shown, rows):
    batch = make_batch(3, models=("fast", "slow-2s"), raw_checks=[{"kind": "contains", "value": "good"}])
    answered(batch, "good", None, "bad")
    answered(batch, "good", "good", "good", variant=1)
    grid = show(client_alice, batch, show=shown).context["grid"]
    assert [row.row.number for row in grid.rows] == rows


def test_rows_come_by_fifty(client_alice, make_batch):
    batch = make_batch(51)
    assert [row.row.number for row in show(client_alice, batch, page=2).context["grid"].rows] == [51]
    assert len(show(client_alice, batch, page="x").context["grid"].rows) == 50


def test_long_answers_are_clipped_in_the_grid_and_whole_beside_it(client_alice, make_batch):
    batch = make_batch(1)
    answered(batch, "word " * 200)
    assert show(client_alice, batch).context["grid"].rows[0].cells[0].clipped
    cell = Cell.objects.get()
    page = client_alice.get(reverse("batch:cell", args=[cell.pk])).content.decode()
    assert "word " * 190 in page
    assert reverse("runs:show", args=[cell.run_id]) in page


def test_an_answer_opens_beside_the_grid_as_markdown_that_does_no_harm(client_alice, make_batch):
    batch = make_batch([{"question": "<b>Why</b>"}], raw_checks=[{"kind": "contains", "value": "zebra"}])
    answered(batch, "# Hi\n\n**bold** <script>alert(1)</script> ![](https://evil.example/x.png)")
    collect_results(batch)
    response = client_alice.get(reverse("batch:cell", args=[Cell.objects.get().pk]), headers={"HX-Request": "true"})
    shown = response.content.decode()
    assert shown.startswith('<hx-partial hx-target="#batch-detail"')
    assert "<strong>bold</strong>" in shown
    assert "It does not contain “zebra”." in shown
    assert "&lt;b&gt;Why&lt;/b&gt;" in shown
    assert not any(harm in shown for harm in ("<script", "<img", "<b>Why"))


def test_an_answer_that_is_to_come_is_asked_for_again(client_alice, make_batch):
    batch = make_batch(1)
    address = reverse("batch:cell", args=[Cell.objects.get().pk])
    waiting = client_alice.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "No answer yet." in waiting
    assert f'hx-get="{address}?again=1"' in waiting
    answered(batch, "there it is")
    there = client_alice.get(address, {"again": "1"}, headers={"HX-Request": "true"}).content.decode()
    assert "there it is" in there
    assert "hx-trigger" not in there
    assert "autofocus" not in there


def test_rows_before_and_after_are_one_step_away(client_alice, make_batch):
    make_batch(3)
    first, second, third = Cell.objects.order_by("row__number")
    page = client_alice.get(reverse("batch:cell", args=[second.pk]), headers={"HX-Request": "true"}).content.decode()
    assert page.index(f"/batches/cells/{first.pk}/") < page.index(f"/batches/cells/{third.pk}/")


# Following


def news(batch, seen):
    found = read_news(batch.pk, seen)
    return found.html, found.ended


def test_the_feed_renews_progress_and_only_the_cells_that_changed(make_batch):
    batch = make_batch(60, models=("fast", "slow-2s"))
    batch.refresh_from_db()
    seen = ShownPage(batch.changes, "all", 1, is_mine=True)
    assert news(batch, seen) == ("", False)
    answered(batch, *["x"] * 52)
    html, ended = news(batch, seen)
    targets = [part.split('"')[0] for part in html.split('hx-target="#')[1:]]
    changed = batch.cells.filter(variant=0, row__number__lte=50).order_by("row__number")
    assert targets == ["batch-progress", *(f"cell-{cell.pk}" for cell in changed)]
    assert not ended
    assert "Stop" in html
    assert news(batch, seen) == ("", False)


def test_a_filtered_page_is_renewed_as_a_whole(make_batch):
    batch = make_batch(2)
    seen = ShownPage(0, "failed", 1, is_mine=False)
    answered(batch, None, "x")
    html, ended = news(batch, seen)
    assert ended
    assert 'hx-target="#batch-grid"' in html
    assert "Retry" not in html


@pytest.fixture
def serving(monkeypatch):
    """This process has not begun to close, whatever was closed in it before."""
    monkeypatch.setattr(hub, "closing", False)


@pytest.mark.django_db(transaction=True)
def test_the_feed_ends_with_the_batch_and_says_so(make_batch, serving):
    batch = make_batch(1)
    answered(batch, "x")

    async def followed():
        return [piece async for piece in stream.follow(batch.pk, ShownPage(0, "all", 1, is_mine=True))]

    first, last = asyncio.run(followed())
    assert b'data-phase="ended"' in first
    assert b"id: 2" in first
    assert last == b"event: ended\ndata: \n\n"


@pytest.mark.django_db(transaction=True)
def test_the_feed_of_a_batch_that_is_gone_ends(make_batch, serving):
    async def followed():
        return [piece async for piece in stream.follow(4711, ShownPage(0, "all", 1, is_mine=True))]

    assert asyncio.run(followed()) == [stream.ENDED]


@pytest.mark.parametrize("rows", [1, 3])
def test_a_look_takes_the_same_number_of_queries_for_any_number_of_cells(make_batch, rows):
    batch = make_batch(rows, models=("fast", "slow-2s"), raw_checks=CHECKS)
    answered(batch, *["good"] * rows)
    with CaptureQueriesContext(database) as queries:
        read_news(batch.pk, ShownPage(0, "all", 1, is_mine=True))
    assert len(queries) == 16
    with CaptureQueriesContext(database) as queries:
        read_news(batch.pk, ShownPage(batch.changes + 5, "all", 1, is_mine=True))
    assert len(queries) == 4


# Pages by number of queries


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_runs_in_the_same_number_of_queries(client_bob, make_batch, rows):
    batch = make_batch(rows, raw_checks=CHECKS)
    Batch.objects.update(shared=True)
    answered(batch, *["good"] * rows)
    collect_results(batch)
    with CaptureQueriesContext(database) as queries:
        assert show(client_bob, batch).status_code == 200
    assert len(queries) == 12


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_runs_in_the_same_number_of_queries(client_bob, make_batch, count):
    for _ in range(count):
        make_batch(1)
    Batch.objects.update(shared=True)
    with CaptureQueriesContext(database) as queries:
        assert len(client_bob.get(reverse("batch:list")).context["rows"]) == count
    assert len(queries) == 5


def test_the_list_tells_what_has_ended_though_nobody_looked(client_alice, make_batch):
    batch = make_batch(4)
    answered(batch, "a", None)
    (row,) = client_alice.get(reverse("batch:list")).context["rows"]
    assert (row.total, row.done, row.failed, row.percent, row.models) == (4, 2, 1, 50, "fast")


# Who may do what


def test_readers_look_at_what_is_shared_and_change_nothing(client_bob, make_batch):
    batch = make_batch(1)
    cell = Cell.objects.get()
    looks = [reverse("batch:show", args=[batch.pk]), reverse("batch:cell", args=[cell.pk]),
             reverse("batch:feed", args=[batch.pk]), reverse("batch:export", args=[batch.pk]),
             reverse("batch:of_flow", args=[batch.flow.slug]), reverse("runs:show", args=[cell.run_id])]  # fmt: skip
    assert [client_bob.get(address).status_code for address in looks] == [404] * 6
    assert client_bob.get(reverse("batch:list")).context["rows"] == []
    Batch.objects.update(shared=True)
    assert [client_bob.get(address).status_code for address in looks[:2]] == [200, 200]
    assert client_bob.get(looks[4]).url == looks[0]
    assert client_bob.get(looks[5]).status_code == 200
    assert "stop-form" not in client_bob.get(looks[0]).content.decode()
    for verb in ("stop", "resume", "retry", "rename", "share", "concurrency", "delete"):
        assert client_bob.post(reverse(f"batch:{verb}", args=[batch.pk])).status_code == 403


def test_what_is_shared_is_changed_by_its_owner_alone(make_batch, django_user_model):
    batch = make_batch(1)
    Batch.objects.update(shared=True)
    client = Client()
    client.force_login(django_user_model.objects.create_user("eve", password="x", is_staff=True))
    for verb in ("stop", "resume", "retry", "rename", "share", "concurrency", "delete"):
        assert client.post(reverse(f"batch:{verb}", args=[batch.pk])).status_code == 403
    assert show(client, batch).status_code == 200


@pytest.mark.parametrize("verb", ["stop", "resume", "retry", "rename", "share", "concurrency"])
def test_what_changes_something_is_posted(client_alice, make_batch, verb):
    batch = make_batch(1)
    assert client_alice.get(reverse(f"batch:{verb}", args=[batch.pk])).status_code == 405


def post(client, verb, batch, **data):
    return client.post(reverse(f"batch:{verb}", args=[batch.pk]), data)


def test_a_batch_is_renamed_and_shared(client_alice, make_batch):
    batch = make_batch(1)
    post(client_alice, "rename", batch, name=" Better ")
    post(client_alice, "share", batch, shared="1")
    batch.refresh_from_db()
    assert (batch.name, batch.shared) == ("Better", True)
    post(client_alice, "rename", batch, name=" ")
    post(client_alice, "share", batch, shared="0")
    batch.refresh_from_db()
    assert (batch.name, batch.shared) == ("Better", False)


@pytest.mark.parametrize(("typed", "kept"), [("50", 50), ("0", 20), ("201", 20), ("x", 20), ("", 20)])
def test_calls_at_the_same_time_are_changed_within_bounds(client_alice, make_batch, typed, kept):
    batch = make_batch(1)
    post(client_alice, "concurrency", batch, concurrency=typed)
    assert (Batch.objects.get().concurrency, Flow.objects.get().concurrency) == (kept, kept)


def test_stop_and_resume_by_their_buttons(client_alice, make_batch):
    batch = make_batch(2)
    assert post(client_alice, "stop", batch).url == reverse("batch:show", args=[batch.pk])
    assert set(Run.objects.values_list("state", "cancelled_by")) == {("cancelled", "Alice")}
    page = show(client_alice, batch).content.decode()
    assert "Stopped by Alice." in page
    assert 'data-phase="stopped"' in page
    post(client_alice, "resume", batch)
    assert Run.objects.filter(state=State.QUEUED).count() == 2
    assert 'data-phase="going"' in show(client_alice, batch).content.decode()


def test_resume_waits_until_everything_has_stopped(client_alice, make_batch):
    batch = make_batch(1)
    Run.objects.update(state=State.RUNNING)
    stop_batch(batch, by="Alice")
    response = client_alice.post(reverse("batch:resume", args=[batch.pk]), follow=True)
    assert "Some calls are still being stopped." in response.content.decode()
    assert "Stop at once" in response.content.decode()


def test_retry_asks_for_what_failed(client_alice, make_batch):
    batch = make_batch(2)
    answered(batch, None, "x")
    assert "Retry 1 failed" in show(client_alice, batch).content.decode()
    post(client_alice, "retry", batch)
    assert list(batch.cells.order_by("row__number").values_list("state", flat=True)) == ["queued", "succeeded"]
    assert Cell.objects.get(row__number=1).error is None


def test_a_batch_is_deleted_after_it_was_asked_and_not_while_it_goes(client_alice, make_batch):
    batch = make_batch(1)
    address = reverse("batch:delete", args=[batch.pk])
    assert client_alice.post(address).status_code == 409
    assert "1 call of this batch is still to come" in one_line(client_alice.get(address).content.decode())
    answered(batch, "x")
    assert client_alice.get(address).status_code == 200
    assert client_alice.post(address).url == reverse("batch:list")
    assert not Flow.objects.exclude(room=Room.DELETED).exists()


# Export


def exported(batch):
    async def whole():
        return b"".join([piece async for piece in export.csv_pieces(batch)])

    return list(csv.reader(io.StringIO(asyncio.run(whole()).decode("utf-8-sig"))))


@pytest.mark.django_db(transaction=True)
def test_the_export_has_every_variable_answer_figure_and_verdict(make_batch):
    batch = make_batch([{"question": "Why?", "note": "=1+1"}, {"question": "Who?", "note": ""}], raw_checks=CHECKS)
    answered(batch, "=HYPERLINK(good)", None)
    header, first, second = exported(batch)
    assert header == [
        "row", "question", "note", "A state", "A answer", "A first token ms", "A total ms", "A tokens in", "A tokens out",
        "A cached tokens", "A model", "A warning", "A error", "A check 1: Contains “good”", "A check 2: At most 100 characters",
    ]  # fmt: skip
    assert first == [
        "1", "Why?", "'=1+1", "succeeded", "'=HYPERLINK(good)", "100.0", "1000.0", "10", "5", "2", "thinker-1", "", "",
        "passed", "passed",
    ]  # fmt: skip
    assert second[:5] + second[12:] == ["2", "Who?", "", "failed", "", "The quota is used up.", "", ""]


@pytest.mark.django_db(transaction=True)
def test_the_export_comes_in_pieces_with_one_header(make_batch):
    batch = make_batch(export.AT_ONCE + 1, models=("fast", "slow-2s"))
    rows = exported(batch)
    assert [row[0] for row in rows] == ["row", *map(str, range(1, export.AT_ONCE + 2))]


@pytest.mark.django_db(transaction=True)
async def test_the_export_is_a_file_named_after_the_batch(async_client, make_batch, alice):
    from asgiref.sync import sync_to_async

    batch = await sync_to_async(make_batch)(1, name="Fragen & Antworten")
    await async_client.aforce_login(alice)
    response = await async_client.get(reverse("batch:export", args=[batch.pk]))
    assert response.headers["Content-Disposition"] == 'attachment; filename="fragen-antworten.csv"'
    assert "Why 1?" in b"".join([piece async for piece in response.streaming_content]).decode()


@pytest.mark.django_db(transaction=True)
def test_a_planted_key_is_in_no_page_and_no_export(thinker, client_alice, make_batch):
    judge = {"kind": "judge", "connection": "simulator", "model": "judge", "rubric": "It is good."}
    batch = make_batch(2, raw_checks=[judge])

    async def all_of_it():
        for run in await asyncio.to_thread(lambda: list(Run.objects.all())):
            await embedded.run_here(run)

    asyncio.run(all_of_it())
    collect_results(batch)
    assert set(batch.cells.values_list("state", flat=True)) == {CellState.SUCCEEDED}
    cell = batch.cells.first()
    pages = [reverse("batch:list"), reverse("batch:show", args=[batch.pk]), reverse("batch:cell", args=[cell.pk])]
    shown = [client_alice.get(address).content.decode() for address in pages]
    shown += [str(exported(batch)), read_news(batch.pk, ShownPage(0, "all", 1, is_mine=True)).html]
    assert not any(PLANTED_KEY in each for each in shown)
