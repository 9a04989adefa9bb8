"""A run that kills its process is found out, and no other is taken for it."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from flows.engine import claims, embedded, queue_feed, suspects, trials, workers
from flows.interpreter import suspicion
from flows.models import ActionRun, Run, State, Suspect, Worker
from tests.engine.conftest import until_async
from tests.engine.test_durable import chat, document, each, returns
from tests.factories import make_flow, make_run

pytestmark = pytest.mark.django_db


def back(seconds):
    return timezone.now() - timedelta(seconds=seconds)


def process(*, lives=60.0, kind="server"):
    """The id of a process that has lived so long."""
    worker = workers.register_worker(kind)
    Worker.objects.filter(pk=worker).update(started_at=back(lives))
    return worker


def runs_of_one_flow(count):
    flow = make_flow(document(chat("a", "hold"), chat("b", "after")))
    return [make_run(flow) for _ in range(count)]


def record_action(run, path="a", state=State.RUNNING):
    ActionRun.objects.update_or_create(
        run=run, path=path, defaults={"state": state, "event": 1, "order": 1, "started_at": timezone.now()}
    )


def silence(worker):
    Worker.objects.filter(pk=worker).update(beat_at=back(workers.LOST_AFTER + 1))
    return claims.requeue(claims.lost_runs())


def dies_with(worker, runs, path="a"):
    for run in runs:
        record_action(run, path)
    return silence(worker)


def claimed(worker, most=100):
    return [run.pk for run in claims.claim_queued(worker, most).runs]


def try_suspects(worker, most=100):
    """What a process takes that has nothing else to do, as suspects."""
    if not suspects.begin_trial(worker, idle=True):
        return []
    return [trial.run.pk for trial in suspects.claim_suspects(worker, most)]


def let_time_pass(seconds):
    for suspect in Suspect.objects.all():
        passed = timedelta(seconds=seconds)
        Suspect.objects.filter(pk=suspect.pk).update(
            not_before=suspect.not_before - passed, died_at=suspect.died_at - passed
        )
    for worker in Worker.objects.filter(beat_at__lt=back(workers.LOST_AFTER)):
        Worker.objects.filter(pk=worker.pk).update(beat_at=worker.beat_at - timedelta(seconds=seconds))


def make_suspects(runs):
    """Runs whose process has died twice at the same action."""
    for _ in range(2):
        worker = process()
        assert sorted(claimed(worker)) == sorted(run.pk for run in runs)
        dies_with(worker, runs)


def dies_alone(run):
    let_time_pass(300)
    worker = process()
    assert try_suspects(worker) == [run.pk]
    return dies_with(worker, [run])


def test_a_first_death_makes_no_suspect():
    runs = runs_of_one_flow(3)
    worker = process()
    claimed(worker)
    assert dies_with(worker, runs) == [run.pk for run in runs]
    assert not Suspect.objects.exists()
    assert claimed(process()) == [run.pk for run in runs]


def test_suspects_go_with_fewer_after_each_death_and_then_alone_and_others_go_on_meanwhile():
    runs = runs_of_one_flow(16)
    make_suspects(runs)
    assert claimed(process()) == []
    let_time_pass(10)
    worker, other = process(), process()
    pair = try_suspects(worker)
    assert pair == [run.pk for run in runs[:2]]
    innocent = make_run(runs[0].flow)
    assert claimed(other) == [innocent.pk]
    dies_with(worker, runs[:2])
    assert list(Suspect.objects.filter(company=1).values_list("run", flat=True)) == pair
    # Others first, who have waited longer.
    assert try_suspects(process()) == [run.pk for run in runs[2:4]]


def test_a_run_that_dies_alone_again_and_again_is_failed_and_says_how_often_and_where():
    (run,) = runs_of_one_flow(1)
    make_suspects([run])
    pauses = []
    for death in (1, 2, 3):
        assert dies_alone(run) == ([run.pk] if death < 3 else [])
        suspect = Suspect.objects.get(run=run)
        pauses.append((suspect.not_before - suspect.died_at).total_seconds())
    assert pauses[:2] == [8, 16]
    run.refresh_from_db()
    assert (run.state, run.error["kind"], run.error["path"]) == (State.FAILED, "killed_worker", "a")
    assert "died 5 times at a: 3 times with nothing beside it, twice in company" in run.error["message"]
    assert ActionRun.objects.get(run=run).state == State.FAILED


def test_before_its_pause_is_over_nobody_takes_it():
    (run,) = runs_of_one_flow(1)
    make_suspects([run])
    Suspect.objects.update(not_before=timezone.now() + timedelta(seconds=2))
    assert try_suspects(process()) == []
    let_time_pass(3)
    assert try_suspects(process()) == [run.pk]


def test_deaths_of_processes_that_had_just_started_prove_nothing():
    (run,) = runs_of_one_flow(1)
    make_suspects([run])
    for _ in range(suspicion.MOST_ALONE):
        let_time_pass(300)
        young = process(lives=1)
        assert try_suspects(young) == [run.pk]  # nobody else was there for a minute
        Worker.objects.filter(pk=young).update(started_at=back(workers.LOST_AFTER + 2))
        assert dies_with(young, [run]) == [run.pk]
    assert Suspect.objects.get().alone == 0


def test_a_process_that_has_just_started_leaves_suspects_to_others():
    (run,) = runs_of_one_flow(1)
    make_suspects([run])
    Suspect.objects.update(not_before=back(1))
    assert try_suspects(process(lives=1)) == []
    assert try_suspects(process()) == [run.pk]


def test_while_other_processes_die_a_death_alone_proves_nothing_but_not_for_ever():
    (run,) = runs_of_one_flow(1)
    make_suspects([run])
    for death in range(1, suspicion.MOST_ALONE + 1):
        let_time_pass(300)
        elsewhere = process()
        Worker.objects.filter(pk=elsewhere).update(beat_at=back(20))
        worker = process()
        assert try_suspects(worker) == [run.pk]
        assert dies_with(worker, [run]) == ([run.pk] if death < suspicion.MOST_ALONE else [])
        suspect = Suspect.objects.get()
        assert (suspect.alone, suspect.proven) == (death, 0)


def test_a_death_at_another_action_clears_the_one_before():
    (run,) = runs_of_one_flow(1)
    make_suspects([run])
    let_time_pass(10)
    worker = process()
    try_suspects(worker)
    ActionRun.objects.filter(run=run).update(state=State.SUCCEEDED)
    dies_with(worker, [run], "b")
    found = Run.objects.get()
    assert (found.crashes, found.crash_path) == (1, "b")
    assert not Suspect.objects.exists()


def test_of_lanes_side_by_side_the_one_is_meant_that_was_there_each_time():
    (run,) = runs_of_one_flow(1)
    for lanes in (("e[0]/a", "e[1]/a", "e[2]/a"), ("e[1]/a", "e[3]/a")):
        worker = process()
        claimed(worker)
        record_action(run, "e")
        for path in lanes:
            record_action(run, path)
        silence(worker)
    found = Run.objects.get()
    assert (found.crashes, found.crash_path) == (2, "e[1]/a")


@pytest.mark.parametrize("container", [None, "e"])
def test_a_run_that_only_waits_is_innocent(container):
    (run,) = runs_of_one_flow(1)
    worker = process()
    claimed(worker)
    if container:
        record_action(run, container)
    record_action(run, "e[0]/w" if container else "w", State.WAITING)
    silence(worker)
    assert Run.objects.get().crashes == 0
    assert claimed(process()) == [run.pk]


def test_a_wait_beside_a_suspect_is_no_company():
    run, waits = runs_of_one_flow(2)
    worker = process()
    claimed(worker)
    dies_with(worker, [run])
    worker = process()
    claimed(worker)
    record_action(waits, "w", State.WAITING)
    dies_with(worker, [run])
    let_time_pass(10)
    worker = process()
    assert claimed(worker) == [waits.pk]
    assert try_suspects(worker) == [run.pk]
    dies_with(worker, [run])
    assert Suspect.objects.get().alone == 1


def test_a_run_that_kills_before_anything_is_recorded_is_a_suspect_too():
    (run,) = runs_of_one_flow(1)
    for _ in range(2):
        worker = process()
        claimed(worker)
        silence(worker)
    assert Suspect.objects.get().run_id == run.pk


def test_a_run_and_the_flow_that_it_runs_are_one():
    (parent,) = runs_of_one_flow(1)
    child = make_run(make_flow({**document(chat("x", "hold")), "name": "inner"}))
    Run.objects.filter(pk=child.pk).update(parent=parent, parent_path="a~1")
    for attempt in range(2):
        worker = process()
        claimed(worker)
        Run.objects.filter(pk=child.pk).update(state=State.RUNNING, worker=worker)
        record_action(child, "x")
        dies_with(worker, [parent])
        assert Run.objects.get(pk=parent.pk).crash_path == "a > x", attempt
    let_time_pass(10)
    worker = process()
    assert try_suspects(worker) == [parent.pk]
    Run.objects.filter(pk=child.pk).update(worker=worker)
    record_action(child, "x")
    dies_with(worker, [parent])
    assert Suspect.objects.get().alone == 1


def test_whoever_lost_sight_of_a_run_did_not_die():
    (run,) = runs_of_one_flow(1)
    worker = process()
    claimed(worker)
    record_action(run)
    assert claims.requeue(claims.runs_of_worker(worker), died=False) == [run.pk]
    assert Run.objects.get().crashes == 0


def test_at_most_half_of_the_processes_execute_suspects():
    runs = runs_of_one_flow(4)
    make_suspects(runs)
    let_time_pass(10)
    workers = [process() for _ in range(4)]
    assert [len(try_suspects(worker)) for worker in workers] == [1, 1, 0, 0]
    suspects.end_trial(workers[0])
    assert len(try_suspects(workers[2])) == 1


def test_a_process_that_has_something_else_to_do_leaves_a_suspect_to_others_for_a_while():
    (run,) = runs_of_one_flow(1)
    make_suspects([run])
    Suspect.objects.update(not_before=back(1))
    worker = process()
    assert not suspects.begin_trial(worker, idle=False)
    Suspect.objects.update(not_before=back(suspects.PATIENCE + 1))
    assert suspects.begin_trial(worker, idle=False)


def test_suspects_keep_to_the_limit_of_their_flow_and_urgent_ones_go_first():
    low, high = runs_of_one_flow(1)[0], make_run(make_flow({**document(chat("a", "hold")), "name": "urgent"}))
    Run.objects.filter(pk=high.pk).update(priority=9)
    make_suspects([high, low])
    let_time_pass(10)
    high.flow.concurrency = 1
    high.flow.save()
    beside = make_run(high.flow)
    Run.objects.filter(pk=beside.pk).update(state=State.RUNNING)
    worker = process()
    assert try_suspects(worker) == [low.pk]
    dies_with(worker, [low])
    Run.objects.filter(pk=beside.pk).update(state=State.SUCCEEDED)
    let_time_pass(100)
    assert try_suspects(process()) == [high.pk]


@pytest.mark.django_db(transaction=True)
def test_a_suspect_goes_alone_and_what_finishes_goes_on_without_being_asked_twice(counting, monkeypatch):
    monkeypatch.setattr(suspects, "PATIENCE", 0.0)
    monkeypatch.setattr(queue_feed, "LOOK_AT_QUEUE", 0.1)
    monkeypatch.setattr(trials, "LOOK_FOR_SUSPECTS", 0.1)
    monkeypatch.setattr(suspicion, "WELL_AFTER", -1.0)
    flow = make_flow(document(chat("a", "hold suspect"), chat("b", "sleep 1"), returns("{{ a }}")))
    run = make_run(flow)
    make_suspects([run])
    Suspect.objects.update(not_before=timezone.now() + timedelta(seconds=0.5))
    lanes = each([1, 2], chat("d", "sleep 1.{{ item }} {{ inputs.n }}"), parallelism=2)
    other = {**document(lanes, chat("e", "then {{ inputs.n }}"), returns("{{ e }}")), "name": "other"}
    other["inputs"] = [{"name": "n", "type": "text"}]
    innocent = make_flow(other)
    others = [make_run(innocent, n=str(n)) for n in range(3)]
    inner = make_flow(
        {**document(chat("i", "sleep 1.3 in"), chat("j", "then in"), returns("{{ j }}")), "name": "inner"}
    )
    call = {"id": "c", "type": "run_flow", "properties": {"flow": inner.slug, "result_variable_name": "got"}}
    outer = make_run(make_flow({**document(call, returns("{{ got }}")), "name": "outer"}))

    async def executed():
        await embedded.open_engine()
        await until_async(lambda: counting.count("hold suspect"))
        await asyncio.sleep(0.5)
        beside = {prompt for prompt in counting.calls if prompt.startswith("then")}
        standing = await sync_to_async(lambda: set(Run.objects.filter(state=State.RUNNING)))()
        assert embedded._executor.claim_unstored([others[0]]) == []  # what is started now waits in the queue
        counting.release()
        await until_async(lambda: not Run.objects.filter(ended_at=None).exists())
        await embedded.close_engine()
        return beside, standing

    beside, standing = asyncio.run(executed())
    assert (beside, standing & {run, outer, *others}) == (set(), {run})
    assert [Run.objects.get(pk=each.pk).output for each in others] == [f"<then {n}>" for n in range(3)]
    assert Run.objects.get(pk=outer.pk).output == "<then in>"
    assert all(len(calls) == 1 for prompt, calls in counting.calls.items() if prompt != "sleep 1")
    assert Run.objects.get(pk=run.pk).output == "<hold suspect>"
    assert not Suspect.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_suspect_that_lives_longer_than_before_gets_company_again(counting, monkeypatch):
    monkeypatch.setattr(suspicion, "WELL_AFTER", -1.0)
    monkeypatch.setattr(suspicion, "SHORTEST_TRIAL", 0.3)
    run = make_run(make_flow(document(chat("a", "hold"), returns("{{ a }}"))))
    make_suspects([run])
    Suspect.objects.update(lived=0.1, not_before=back(1))

    async def executed():
        await embedded.open_engine()
        await until_async(lambda: counting.count("hold"))
        beside = await sync_to_async(make_run)(
            await sync_to_async(make_flow)({**document(chat("x", "one"), returns("{{ x }}")), "name": "beside"})
        )
        await until_async(lambda: Run.objects.get(pk=beside.pk).ended)
        trial = await sync_to_async(lambda: Suspect.objects.get().tried_with)()
        counting.release()
        await until_async(lambda: Run.objects.get(pk=run.pk).ended)
        await embedded.close_engine()
        return trial

    assert asyncio.run(executed()) is None


@pytest.mark.django_db(transaction=True)
def test_runs_that_have_just_begun_are_something_to_do(counting, monkeypatch):
    monkeypatch.setattr(trials, "LOOK_FOR_SUSPECTS", 0.0)
    monkeypatch.setattr(suspicion, "WELL_AFTER", -1.0)
    run = make_run(make_flow(document(chat("a", "hold suspect"), returns("{{ a }}"))))
    make_suspects([run])
    Suspect.objects.update(not_before=back(1))
    other = make_run(make_flow({**document(chat("x", "sleep 1"), returns("{{ x }}")), "name": "other"}))

    async def executed():
        await embedded.open_engine()
        await until_async(lambda: counting.count("sleep 1"))
        await until_async(lambda: counting.count("hold suspect"))
        counting.release()
        await until_async(lambda: not Run.objects.filter(ended_at=None).exists())
        await embedded.close_engine()

    asyncio.run(executed())
    assert min(counting.calls["sleep 1"]) + 1 <= min(counting.calls["hold suspect"])
    assert Run.objects.get(pk=other.pk).attempt == 1
