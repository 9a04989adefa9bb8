"""Runs flows of every shape while their processes are killed at random moments, and checks that nothing was lost.

python -m tests.chaos --flows 60 --kills 10 --within 15 --rounds 20 [--postgres [--whole]] [--killers 1] [--seed 7]
python -m tests.chaos --minutes 120
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field
from itertools import pairwise

from benchmarks.stage import set_up
from tests.processes import Process, started

PATIENCE = 600.0  # seconds of a round
LOOK = 0.1  # seconds


class Supervisor:
    """Keeps processes alive, and kills one or all of them now and then."""

    def __init__(self, commands: list[list[str]], chance: random.Random) -> None:
        self._commands, self._chance = commands, chance
        self._processes = [self._start(command) for command in commands]
        self.kills: list[tuple[float, float]] = []  # from when to when, seconds since the epoch

    def _start(self, command: list[str]) -> Process:
        with open(os.devnull, "w") as nowhere:
            return started(["manage.py", *command], None, nowhere)

    def kill_some(self, *, whole: bool) -> None:
        some = range(len(self._processes)) if whole else [self._chance.randrange(len(self._processes))]
        self._kill(some)

    def kill_process(self, pid: int) -> None:
        self._kill([at for at, process in enumerate(self._processes) if process.pid == pid])

    def _kill(self, some: range | list[int]) -> None:
        began = time.time()
        for at in some:
            self._processes[at].send_signal(signal.SIGKILL)
        for at in some:
            self._processes[at].wait()
            self._processes[at] = self._start(self._commands[at])
        self.kills.append((began, time.time()))

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@dataclass
class Round:
    """Runs with what each must return, and those that kill whatever process executes them."""

    expected: dict[int, str] = field(default_factory=dict)
    killers: dict[int, str] = field(default_factory=dict)  # their prompts
    killed: dict[int, int] = field(default_factory=dict)  # calls of theirs that have been followed by a kill


def main() -> int:
    options = read_options()
    print(f"seed {options.seed}")
    set_up(postgres=options.postgres, url=options.database)

    from tests.conftest import Server
    from tests.engine.counting import Counting

    model, chance = Counting(), random.Random(options.seed)  # noqa: S311 - chaos
    until = time.monotonic() + 60 * options.minutes
    number = wrong = 0
    with Server(model) as server:
        os.environ["FOUNDRYFLOW_ALLOWED_DESTINATIONS"] = server.url.removeprefix("http://")
        os.environ["FOUNDRYFLOW_SIMULATOR"] = "false"
        os.environ["FOUNDRYFLOW_RUN_CONCURRENCY"] = str(options.at_once)
        prepare(f"{server.url}/v1")
        while number < options.rounds or time.monotonic() < until:
            wrong += len(play_round(options, number, f"{server.url}/v1", model, chance))
            number += 1
    print(f"{number} rounds, {wrong} wrong")
    return 1 if wrong else 0


def read_options() -> Namespace:
    parser = ArgumentParser()
    parser.add_argument("--flows", type=int, default=60, help="runs of a round")
    parser.add_argument("--kills", type=int, default=10, help="of a round")
    parser.add_argument("--within", type=float, default=15.0, help="seconds in which they happen, at most")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0, help="more rounds until they are over")
    parser.add_argument("--killers", type=int, default=0, help="more runs, which kill their process at one action")
    parser.add_argument("--at-once", type=int, default=60, help="runs at the same time, all processes together")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--database", default="", help="the URL of an empty one, instead of a throw-away one")
    parser.add_argument("--workers", type=int, default=2, help="on PostgreSQL")
    parser.add_argument("--whole", action="store_true", help="every kill takes all processes")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    return parser.parse_args()


def play_round(options: Namespace, number: int, url: str, model: object, chance: random.Random) -> list[str]:
    """Says what was wrong."""
    worker = ["worker", "--concurrency", str(max(1, options.at_once // options.workers))]
    round = start_runs(url, options, number * options.flows)
    supervisor = Supervisor([worker] * options.workers if options.postgres else [["serve", "--port", "0"]], chance)
    began = time.monotonic()
    try:
        go_on(supervisor, options, round, model, chance)
    finally:
        supervisor.end()
    wrong = [*problems(round, model, supervisor), *([] if supervisor.kills else ["nothing was killed"])]
    took, kills = time.monotonic() - began, len(supervisor.kills)
    print(
        f"round {number + 1}: {options.flows} flows, {kills} kills, {took:.0f} s, {deaths(round)}, {len(wrong)} wrong"
    )
    for line in wrong[:20]:
        print(f"  {line}")
    sys.stdout.flush()
    return wrong


def prepare(url: str) -> None:
    from connections.models import Connection
    from connections.secret import Secret
    from flows.language.document import parse
    from flows.models import Flow
    from tests.chaos import shapes

    Connection.objects.create(name="model", endpoint=url, key=Secret("counting"))
    Flow.objects.create_flow(parse(shapes.INNER), by=None)


def start_runs(url: str, options: Namespace, first: int) -> Round:
    """Puts a run of each flow into the queue, the killers among them."""
    from tests.chaos import shapes

    round = Round()
    for number in range(first, first + options.flows):
        if number - first < options.killers:
            prompt = f"hold f{number}"
            round.killers[start_run(shapes.killer(number, prompt), url)] = prompt
        data, output = shapes.flow(number)
        round.expected[start_run(data, url)] = output
    return round


def start_run(data: dict[str, object], url: str) -> int:
    from django.db import transaction

    from flows import engine
    from flows.language.document import parse
    from flows.models import Flow, Run

    flow = Flow.objects.create_flow(parse(data), by=None)
    with transaction.atomic():
        run = Run.objects.start(flow=flow, inputs={"endpoint": url}, by=None, via="chaos")
        engine.submit(run)
    return run.pk


def go_on(supervisor: Supervisor, options: Namespace, round: Round, model: object, chance: random.Random) -> None:
    from flows.models import Run

    began = time.monotonic()
    moments = sorted(chance.random() for _ in range(options.kills))
    started = [*round.expected, *round.killers]
    runs = Run.objects.filter(pk__in=started)
    while (open_runs := runs.filter(ended_at=None).count()) and time.monotonic() - began < PATIENCE:
        time.sleep(LOOK)
        # By the clock, or by what is done already: on a quick machine all is over before the time is.
        passed = max((time.monotonic() - began) / options.within, 1 - open_runs / len(started))
        if moments and passed > moments[0]:
            moments.pop(0)
            supervisor.kill_some(whole=options.whole)
        for run, prompt in round.killers.items():
            calls = model.count(prompt)  # type: ignore[attr-defined]
            if calls > round.killed.get(run, 0):
                round.killed[run] = calls
                kill_process_of(run, supervisor)


def kill_process_of(run: int, supervisor: Supervisor) -> None:
    from flows.models import Worker

    if process := Worker.objects.filter(runs=run).first():
        supervisor.kill_process(process.pid)


def problems(round: Round, model: object, supervisor: Supervisor) -> list[str]:
    """What is not as it must be: an end, an output, a call of something that had finished or was not interrupted."""
    from flows.engine.call_counts import usage_differences
    from flows.models import ActionRun, Checkpoint, Run, triggers

    wrong = []
    for run in Run.objects.filter(pk__in=round.expected).select_related("flow"):
        if (run.state, run.output) != ("succeeded", round.expected[run.pk]):
            error = run.error and f"{run.error['kind']}: {run.error['message']}"
            wrong.append(f"run {run.pk}, {run.flow.name}: {run.state} {error} {run.output!r}, {run.crashes} deaths")
    for run in Run.objects.filter(pk__in=round.killers):
        if run.state != "failed" or (run.error or {}).get("kind") != "killed_worker":
            wrong.append(f"run {run.pk} kills its process: {run.state} {run.error}")
    calls = model.calls  # type: ignore[attr-defined]
    rows = ActionRun.objects.filter(type="chat_completion", state="succeeded", run__created_at__gte=earliest(round))
    for row in rows:
        prompt = row.inputs["user_prompt"]
        if not calls[prompt] or row.ended_at is None or max(calls[prompt]) > row.ended_at.timestamp():
            wrong.append(f"run {row.run_id} {row.path}: called after it had finished")
        for one, next in pairwise(calls[prompt]):
            if not any(one <= end and begin <= next for begin, end in supervisor.kills):
                wrong.append(f"run {row.run_id} {row.path}: called again though nothing was killed meanwhile")
    if Checkpoint.objects.filter(sealed__isnull=False).exists():
        wrong.append("a secret is still kept")
    if differing := triggers.differences():
        wrong.append(f"{differing} hourly figures are not what the runs say")
    if differing := usage_differences():
        wrong.append(f"{differing} rows of usage are not what the records say")
    # Each prompt of the round is asked once in each run; a killer's is never answered.
    asked = len({*calls} - {*round.killers.values()})
    if (counted := count_answers()) != asked:
        wrong.append(f"usage has {counted} answers, the model gave some to {asked} prompts")
    return wrong


def count_answers() -> int:
    from django.db.models import Sum

    from flows.models.usage import Span, UsageFigures, UsageSeries

    answered = UsageSeries.objects.filter(error="").values("pk")
    figures = UsageFigures.objects.filter(span=Span.HOUR, series__in=answered)
    return int(figures.aggregate(calls=Sum("calls"))["calls"] or 0)


def earliest(round: Round) -> object:
    from flows.models import Run

    return Run.objects.filter(pk__in=round.expected).order_by("created_at").values_list("created_at", flat=True)[0]


def deaths(round: Round) -> str:
    """How soon it was over, and for killers after how many deaths."""
    from flows.models import Run

    said = [f"{len(round.expected)} runs"]
    for run in Run.objects.filter(pk__in=round.killers, ended_at__isnull=False):
        seconds = (run.ended_at - run.created_at).total_seconds()  # type: ignore[operator]
        said.append(f"a killer after {run.crashes} deaths and {seconds:.0f} s")
    return ", ".join(said)


if __name__ == "__main__":
    sys.exit(main())
