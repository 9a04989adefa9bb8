"""Runs flows of every shape while their processes are killed at random moments, and checks that nothing was lost.

python -m tests.chaos --flows 100 [--postgres] [--seed 7]
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path

from benchmarks.stage import set_up

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 600.0  # seconds
AT_ONCE = 16  # runs; few, so that there is time to kill


class Supervisor:
    """Keeps processes alive, and kills one now and then."""

    def __init__(self, commands: list[list[str]], environment: dict[str, str], seed: int) -> None:
        self._commands, self._environment = commands, environment
        self._chance = random.Random(seed)  # noqa: S311 - chaos
        self._processes = [self._start(command) for command in commands]
        self.kills = 0

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=ROOT, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def kill_one(self) -> None:
        at = self._chance.randrange(len(self._processes))
        self._processes[at].send_signal(signal.SIGKILL)
        self._processes[at].wait()
        self.kills += 1
        self._processes[at] = self._start(self._commands[at])

    def pause(self) -> None:
        time.sleep(self._chance.uniform(1.2, 2.8))  # about a second of it is the start

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


def main() -> int:
    parser = ArgumentParser()
    parser.add_argument("--flows", type=int, default=100)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    set_up(postgres=options.postgres)

    from tests.conftest import Server
    from tests.engine.counting import Counting

    model = Counting()
    with Server(model) as server:
        os.environ["FOUNDRYFLOW_ALLOWED_DESTINATIONS"] = server.url.removeprefix("http://")
        os.environ["FOUNDRYFLOW_SIMULATOR"] = "false"
        os.environ["FOUNDRYFLOW_RUN_CONCURRENCY"] = str(AT_ONCE)
        expected = started(f"{server.url}/v1", options.flows)
        commands = (
            [["worker", "--concurrency", str(AT_ONCE // 2)]] * 2 if options.postgres else [["serve", "--port", "0"]]
        )
        supervisor = Supervisor(commands, dict(os.environ), options.seed)
        try:
            began = time.monotonic()
            go_on(supervisor, options.kills, began)
        finally:
            supervisor.end()
    wrong = [*problems(expected, model), *([] if supervisor.kills else ["nothing was killed"])]
    print(f"{options.flows} flows, {supervisor.kills} kills, {time.monotonic() - began:.0f} s, {len(wrong)} wrong")
    for line in wrong[:20]:
        print(line)
    return 1 if wrong else 0


def started(url: str, flows: int) -> dict[int, str]:
    """Puts a run of each flow into the queue; what each must return."""
    from django.db import transaction

    from connections.models import Connection
    from connections.secret import Secret
    from flows import engine
    from flows.document import parse
    from flows.models import Flow, Run
    from tests.chaos import shapes

    Connection.objects.create(name="model", endpoint=url, key=Secret("counting"))
    Flow.objects.start_with(parse(shapes.INNER), by=None)
    expected = {}
    for number in range(flows):
        data, output = shapes.flow(number)
        flow = Flow.objects.start_with(parse(data), by=None)
        with transaction.atomic():
            run = Run.objects.start(flow=flow, inputs={"endpoint": url}, by=None, via="chaos")
            engine.submit(run)
        expected[run.pk] = output
    return expected


def go_on(supervisor: Supervisor, kills: int, began: float) -> None:
    from flows.engine.claims import SUSPECT
    from flows.models import Run

    while Run.objects.filter(ended_at=None).exists():
        if time.monotonic() - began > PATIENCE:
            return
        supervisor.pause()
        # A run whose process dies a third time at the same action is rightly failed; killing it is no proof of anything.
        if supervisor.kills < kills and not Run.objects.filter(ended_at=None, crashes__gte=SUSPECT).exists():
            supervisor.kill_one()


def problems(expected: dict[int, str], model: object) -> list[str]:
    """What is not as it must be: an end, an output, a call of something that had finished."""
    from flows import figures
    from flows.models import ActionRun, Checkpoint, Run

    wrong = []
    for run in Run.objects.filter(pk__in=expected).select_related("flow"):
        if (run.state, run.output) != ("succeeded", expected[run.pk]):
            wrong.append(f"{run.flow.name}: {run.state} {run.error and run.error['message']} {run.output!r}")
    calls = model.calls  # type: ignore[attr-defined]
    for row in ActionRun.objects.filter(type="chat_completion", state="succeeded"):
        prompt = row.inputs["user_prompt"]
        if not calls[prompt] or row.ended_at is None or max(calls[prompt]) > row.ended_at.timestamp():
            wrong.append(f"run {row.run_id} {row.path}: called after it had finished")
    if Checkpoint.objects.filter(sealed__isnull=False).exists():
        wrong.append("a secret is still kept")
    if differing := figures.differences():
        wrong.append(f"{differing} hourly figures are not what the runs say")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
